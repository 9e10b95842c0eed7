from __future__ import annotations

from pathlib import Path

import av
import pytest

from tests.tower.publishing.films import EPISODE, make_film
from tower.media.probe import probe
from tower.publishing.credentials import Credentials, load_credentials
from tower.publishing.marking import C2paMarker, SigningError, read_mark
from tower.publishing.provenance import FilmShot, PictureSource, Provenance
from tower.settings import Settings

SHOTS = (FilmShot(0, 1, "s1", "a" * 64, "comfyui", "counterfeit"), FilmShot(1, 2, "s2", "b" * 64, "animatic"))
PROVENANCE = Provenance(7, "Neon", "c0ffee", SHOTS, PictureSource.COMPOSITE, "main")


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return load_credentials(Settings(data_dir=tmp_path_factory.mktemp("data")))


def test_a_marked_film_reads_back_as_intact_with_its_origin(
    credentials: Credentials, films: tuple[Path, Path], tmp_path: Path
) -> None:
    target = tmp_path / "marked.mp4"
    before = films[0].read_bytes()
    mark = C2paMarker(credentials)(films[0], target, make_film(films[0], provenance=PROVENANCE))
    reading = read_mark(target)
    assert reading is not None
    assert (reading.id, reading.is_intact, reading.signed_by) == (mark.id, True, "Tower")
    assert reading.provenance == {
        "statement": "Some pictures of this film are AI-made.",
        "project": "Neon",
        "branch": "main",
        "commit": "c0ffee",
        "episode": str(EPISODE),
        "takes": ["a" * 64, "b" * 64],
        "engines": ["animatic", "comfyui"],
        "models": ["counterfeit"],
    }
    assert films[0].read_bytes() == before
    assert (probe(target).frames, probe(target).faststart) == (16, True)
    assert b"digitalsourcetype/compositeWithTrainedAlgorithmicMedia" in target.read_bytes()


def test_a_changed_byte_of_the_film_breaks_the_mark(
    credentials: Credentials, films: tuple[Path, Path], tmp_path: Path
) -> None:
    target = tmp_path / "marked.mp4"
    C2paMarker(credentials)(films[0], target, make_film(films[0]))
    content = bytearray(target.read_bytes())
    content[-100] ^= 1
    target.write_bytes(content)
    reading = read_mark(target)
    assert reading is not None
    assert not reading.is_intact


def test_a_copy_of_the_streams_has_no_mark(credentials: Credentials, films: tuple[Path, Path], tmp_path: Path) -> None:
    marked, copied = tmp_path / "marked.mp4", tmp_path / "copied.mp4"
    C2paMarker(credentials)(films[0], marked, make_film(films[0]))
    with av.open(str(marked)) as source, av.open(str(copied), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert read_mark(copied) is None


def test_a_film_too_large_for_the_memory_is_copied_with_the_reason(
    credentials: Credentials, films: tuple[Path, Path], tmp_path: Path
) -> None:
    target = tmp_path / "copy.mp4"
    mark = C2paMarker(credentials, max_bytes=100)(films[0], target, make_film(films[0]))
    assert mark.id is None
    assert "signing keeps them in memory" in (mark.unmarked_reason or "")
    assert target.read_bytes() == films[0].read_bytes()


def test_a_certificate_that_cannot_sign_is_an_error(
    credentials: Credentials, films: tuple[Path, Path], tmp_path: Path
) -> None:
    broken = Credentials(credentials.certificates, b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with pytest.raises(SigningError, match="cannot be signed"):
        C2paMarker(broken)(films[0], tmp_path / "a.mp4", make_film(films[0]))
