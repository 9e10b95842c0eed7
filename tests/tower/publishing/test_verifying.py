"""A published film, a re-encoded one, an excerpt and a screenshot are found again."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import pytest

from db.engine import SessionFactory
from db.models.publications import Publication
from tests.small_media import write_picture
from tests.tower.publishing.films import OTHER_EPISODE, make_film, write_film
from tower.errors import NotFoundError
from tower.media.decode import MediaUnreadableError
from tower.publishing.credentials import load_credentials
from tower.publishing.film import Series
from tower.publishing.marking import C2paMarker
from tower.publishing.provenance import FilmShot, Provenance
from tower.publishing.publisher import Publisher
from tower.publishing.verifying import Origin, Verdict, verify_file
from tower.settings import Settings

Verify = Callable[[Path], Verdict]
SECONDS = 6
SHOTS = (FilmShot(0, 3, "s1", "a" * 64, "comfyui", "counterfeit"), FilmShot(3, 6, "s2", "b" * 64, "comfyui"))


@pytest.fixture
def published(make_publisher: Callable[..., Publisher], tmp_path: Path) -> Publication:
    publisher = make_publisher(mark=C2paMarker(load_credentials(Settings(data_dir=tmp_path))))
    other = make_film(
        write_film(tmp_path / "other.mp4", seed=9), episode_key=OTHER_EPISODE, series=Series("2", "Other")
    )
    publisher.publish(other)
    film = write_film(tmp_path / "film.mp4", seed=5, seconds=SECONDS)
    return publisher.publish(make_film(film, provenance=Provenance(None, "Neon", "c0ffee", SHOTS)))


@pytest.fixture
def verify(sessions: SessionFactory) -> Verify:
    def run(path: Path) -> Verdict:
        with sessions() as session:
            return verify_file(session, path)

    return run


def reencode(source: Path, target: Path, *, side: int, first_s: float = 0, crf: str = "30") -> Path:
    with av.open(str(source)) as opened, av.open(str(target), "w") as written:
        stream = written.add_stream("libx264", rate=8, options={"preset": "ultrafast", "crf": crf})
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        kept = (frame for frame in opened.decode(video=0) if frame.time >= first_s)
        for number, frame in enumerate(kept):
            picture = frame.reformat(width=side, height=side)
            picture.pts, picture.time_base = number, Fraction(1, 8)
            written.mux(stream.encode(picture))
        written.mux(stream.encode())
    return target


def test_a_published_file_is_found_by_its_bytes(published: Publication, verify: Verify) -> None:
    verdict = verify(Path(published.path))
    assert verdict.origin == Origin.UNCHANGED
    assert verdict.publication is not None
    assert (verdict.publication.id, verdict.publication.provenance["commit"]) == (published.id, "c0ffee")
    assert verdict.mark is not None
    assert verdict.mark.is_intact
    assert len(verdict.shots) == 2


def test_a_re_encoded_film_is_found_by_its_pictures(published: Publication, verify: Verify, tmp_path: Path) -> None:
    verdict = verify(reencode(Path(published.path), tmp_path / "small.mp4", side=64))
    assert (verdict.origin, verdict.mark) == (Origin.ALIKE, None)
    assert verdict.publication is not None
    assert verdict.publication.id == published.id
    assert (verdict.start_s, verdict.matching, verdict.compared) == (0, SECONDS, SECONDS)


def test_an_excerpt_names_its_seconds_and_takes(published: Publication, verify: Verify, tmp_path: Path) -> None:
    verdict = verify(reencode(Path(published.path), tmp_path / "end.mp4", side=96, first_s=4))
    assert (verdict.start_s, verdict.end_s) == (4, 6)
    assert [shot["take_sha256"] for shot in verdict.shots] == ["b" * 64]


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_screenshot_names_its_second_and_take(
    published: Publication, verify: Verify, tmp_path: Path, suffix: str
) -> None:
    with av.open(published.path) as opened:
        frames = [frame.to_ndarray(format="bgr24") for frame in opened.decode(video=0)]
    picture = tmp_path / f"shot{suffix}"
    cv2.imwrite(str(picture), cv2.resize(frames[2 * 8 + 3], (200, 200)))
    verdict = verify(picture)
    assert (verdict.origin, verdict.start_s) == (Origin.ALIKE, 2)
    assert [shot["take_sha256"] for shot in verdict.shots] == ["a" * 64]


def test_a_film_that_was_changed_after_signing_is_named_by_its_mark(
    published: Publication, verify: Verify, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.mp4"
    content = bytearray(Path(published.path).read_bytes())
    at = content.rfind(b"x264")
    content[at] ^= 0x20  # a letter of the encoder's note inside the media
    changed.write_bytes(content)
    verdict = verify(changed)
    assert verdict.origin == Origin.CHANGED
    assert verdict.mark is not None
    assert not verdict.mark.is_intact
    assert verdict.publication is not None
    assert verdict.publication.id == published.id


def test_another_film_and_a_black_picture_are_unknown(published: Publication, verify: Verify, tmp_path: Path) -> None:
    assert verify(write_film(tmp_path / "foreign.mp4", seed=77)).origin == Origin.UNKNOWN
    black = tmp_path / "black.png"
    write_picture(black)
    assert verify(black).origin == Origin.UNKNOWN


def test_a_file_that_is_neither_film_nor_picture_is_refused(
    published: Publication, verify: Verify, tmp_path: Path
) -> None:
    text = tmp_path / "a.txt"
    text.write_text("no film")
    with pytest.raises(MediaUnreadableError):
        verify(text)
    with pytest.raises(NotFoundError):
        verify(tmp_path / "none.mp4")
