"""Publishing into a real folder with a real ledger, also when the process is killed at any step."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from db.engine import SessionFactory, open_engine, session_factory
from db.models.publications import Publication, PublicationState
from deployments.postgres import EmbeddedPostgres
from tests.conftest import COMMITTED_DATABASE
from tests.fakes.jellyfin.resolver import resolve_library
from tests.small_media import write_picture
from tests.tower.publishing.films import EPISODE, OTHER_EPISODE, OTHER_REF, REF, SUBTITLES, make_film
from tower.errors import ConflictError, InvalidError, NotFoundError
from tower.media.decode import MediaUnreadableError
from tower.media.files import DiskFullError
from tower.publishing import ledger
from tower.publishing.abandoned import ABANDONED_AFTER, end_abandoned
from tower.publishing.film import Film, Series
from tower.publishing.marking import Mark, copy_unmarked
from tower.publishing.provenance import Provenance
from tower.publishing.publisher import Publisher
from tower.settings import Settings

MakePublisher = Callable[..., Publisher]
STEM = "Neon Rain (2026) S01E01"
STEPS = ("ledger", f"wrote {STEM}.nfo", "marked", "recorded", "video", "old files", "finished")
KILLS = 5


def list_library(library: Path) -> list[str]:
    return sorted(str(file.relative_to(library)) for file in library.rglob("*") if file.is_file())


def list_states(sessions: SessionFactory) -> list[str]:
    with sessions() as session:
        return [state.value for state in session.scalars(select(Publication.state).order_by(Publication.id))]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_episode_is_written_with_everything_beside_it(
    make_publisher: MakePublisher, library: Path, films: tuple[Path, Path], tmp_path: Path
) -> None:
    picture = write_picture(tmp_path / "p.png")
    series = Series("project-1", "Neon Rain", year=2026, poster=picture)
    row = make_publisher().publish(make_film(films[0], series=series, subtitles=SUBTITLES, thumb=picture))
    season = "Neon Rain (2026)/Season 01"
    assert list_library(library) == [
        f"{season}/{STEM}-thumb.jpg",
        f"{season}/{STEM}.en.forced.srt",
        f"{season}/{STEM}.ja.srt",
        f"{season}/{STEM}.mp4",
        f"{season}/{STEM}.nfo",
        f"{season}/season.nfo",
        "Neon Rain (2026)/poster.jpg",
        "Neon Rain (2026)/tvshow.nfo",
    ]
    assert (row.state, row.sha256, row.probe["frames"]) == (PublicationState.PUBLISHED, sha256(Path(row.path)), 16)
    assert len(row.frame_hashes) == 2
    (found,) = resolve_library(library, version="10.11.11")[0].episodes
    assert [(one.language, set(one.flags)) for one in found.subtitles] == [("en", {"forced"}), ("ja", set())]


def test_the_same_content_again_changes_nothing(
    make_publisher: MakePublisher, sessions: SessionFactory, library: Path, films: tuple[Path, Path]
) -> None:
    first = make_publisher().publish(make_film(films[0]))
    before = {path: path.stat().st_mtime_ns for path in library.rglob("*")}
    steps: list[str] = []
    assert make_publisher(after=steps.append).publish(make_film(films[0])).id == first.id
    assert (steps, list_states(sessions)) == ([], ["published"])
    assert {path: path.stat().st_mtime_ns for path in library.rglob("*")} == before


def test_a_commit_that_changes_nothing_of_the_film_changes_nothing(
    make_publisher: MakePublisher, films: tuple[Path, Path]
) -> None:
    first = make_publisher().publish(make_film(films[0], provenance=Provenance(commit="a" * 64)))
    later = make_film(films[0], provenance=Provenance(commit="b" * 64, branch="b"))
    assert make_publisher().publish(later).id == first.id


def test_a_changed_film_replaces_the_file_under_the_same_name_with_another_date(
    make_publisher: MakePublisher, sessions: SessionFactory, library: Path, films: tuple[Path, Path]
) -> None:
    publisher = make_publisher()
    first = publisher.publish(make_film(films[0], subtitles=SUBTITLES))
    date = Path(first.path).stat().st_mtime
    second = publisher.publish(make_film(films[1], title="Another", subtitles=SUBTITLES[:1]))
    assert second.path == first.path
    assert Path(second.path).stat().st_mtime > date
    assert sha256(Path(second.path)) == sha256(films[1])
    assert not any("en.forced" in name for name in list_library(library))
    assert list_states(sessions) == ["replaced", "published"]


def test_a_renamed_series_keeps_its_folder(make_publisher: MakePublisher, films: tuple[Path, Path]) -> None:
    publisher = make_publisher()
    first = publisher.publish(make_film(films[0]))
    second = publisher.publish(make_film(films[0], series=Series("project-1", "Dry Sun", year=2027)))
    assert second.path == first.path
    assert "Dry Sun" in Path(second.path).with_name("season.nfo").read_text()


def test_two_series_of_one_name_do_not_share_a_folder(
    make_publisher: MakePublisher, library: Path, films: tuple[Path, Path]
) -> None:
    (library / "NEON RAIN (2026)").mkdir(parents=True)  # of another program
    publisher = make_publisher()
    folders = []
    for number, name in enumerate(("Neon: Rain", "neon rain", "Neon/Rain")):
        film = make_film(films[0], episode_key=UUID(int=number), series=Series(f"p{number}", name, year=2026))
        folders.append(publisher.publish(film).series_folder)
    assert folders == ["Neon Rain (2026) (2)", "neon rain (2026) (3)", "Neon Rain (2026) (4)"]


def test_an_episode_that_gets_another_number_leaves_its_old_place(
    make_publisher: MakePublisher, library: Path, films: tuple[Path, Path]
) -> None:
    publisher = make_publisher()
    publisher.publish(make_film(films[0]))
    publisher.publish(make_film(films[0], number=2))
    assert [name for name in list_library(library) if name.endswith(".mp4")] == [
        "Neon Rain (2026)/Season 01/Neon Rain (2026) S01E02.mp4"
    ]
    publisher.publish(make_film(films[1], episode_key=OTHER_EPISODE))
    publisher.publish(make_film(films[1], title="Again", number=2))  # does not take the files of the other
    assert len([name for name in list_library(library) if "S01E01" in name]) == 2


def test_the_place_of_another_episode_or_of_a_foreign_file_is_refused(
    make_publisher: MakePublisher, sessions: SessionFactory, library: Path, films: tuple[Path, Path]
) -> None:
    publisher = make_publisher()
    row = publisher.publish(make_film(films[0]))
    with pytest.raises(ConflictError, match="Another episode"):
        publisher.publish(make_film(films[1], episode_key=OTHER_EPISODE))
    Path(row.path).with_name("Neon Rain (2026) S01E03.mp4").write_bytes(b"of the user")
    with pytest.raises(ConflictError, match="Tower did not write it"):
        publisher.publish(make_film(films[1], episode_key=OTHER_EPISODE, number=3))
    assert list_states(sessions) == ["published"]


def test_unpublishing_removes_what_was_written_and_nothing_else(
    make_publisher: MakePublisher, sessions: SessionFactory, library: Path, films: tuple[Path, Path]
) -> None:
    publisher = make_publisher()
    row = publisher.publish(make_film(films[0], subtitles=SUBTITLES))
    publisher.publish(make_film(films[1], episode_key=OTHER_EPISODE, number=2))
    note = Path(row.path).with_name("note.txt")
    note.write_text("of the user")
    assert publisher.unpublish(REF).state == PublicationState.UNPUBLISHED
    assert [name for name in list_library(library) if "S01E01" in name] == []
    publisher.unpublish(OTHER_REF)
    assert list_library(library) == [str(note.relative_to(library))]
    with pytest.raises(NotFoundError, match="is not published"):
        publisher.unpublish(REF)
    assert list_states(sessions) == ["unpublished", "unpublished"]


def test_copies_of_a_project_publish_one_episode_beside_each_other(
    make_publisher: MakePublisher, sessions: SessionFactory, library: Path, films: tuple[Path, Path]
) -> None:
    publisher = make_publisher()
    first = publisher.publish(make_film(films[0], provenance=Provenance(project_id=None)))
    copy = publisher.publish(make_film(films[0], series=Series("project-2", "Neon Rain", year=2026)))
    assert (list_states(sessions), first.path == copy.path) == (["published", "published"], False)
    with sessions() as session, pytest.raises(ConflictError, match="name one with project_id"):
        ledger.find_ref(session, library, EPISODE)
    publisher.unpublish(ledger.ref_of(copy))
    assert (Path(first.path).is_file(), Path(copy.path).exists()) == (True, False)


def test_an_earlier_version_can_be_published_again(
    make_publisher: MakePublisher, sessions: SessionFactory, library: Path, films: tuple[Path, Path]
) -> None:
    publisher = make_publisher()
    first = publisher.publish(make_film(films[0], subtitles=SUBTITLES))
    second = publisher.publish(make_film(films[1], title="Worse"))
    back = publisher.roll_back(REF)
    assert sha256(Path(back.path)) == sha256(films[0])
    assert (back.content_sha256, back.request) == (first.content_sha256, first.request)
    assert publisher.roll_back(REF, second.id).content_sha256 == second.content_sha256
    assert list_states(sessions) == ["replaced", "replaced", "replaced", "published"]
    with pytest.raises(NotFoundError):
        publisher.roll_back(OTHER_REF)


def test_a_film_that_was_changed_by_hand_is_published_again(
    make_publisher: MakePublisher, films: tuple[Path, Path]
) -> None:
    publisher = make_publisher()
    row = publisher.publish(make_film(films[0]))
    Path(row.path).write_bytes(b"damaged")
    publisher.publish(make_film(films[0]))
    assert sha256(Path(row.path)) == sha256(films[0])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": " "}, "title"),
        ({"season": -1}, "season"),
        ({"subtitles": (replace(SUBTITLES[0], language="english"),)}, "subtitles.0.language"),
        ({"subtitles": (SUBTITLES[0], SUBTITLES[0])}, "subtitles.1"),
        ({"path": Path("/nowhere/a.mp4")}, "path"),
        ({"series": Series("k", "Kai", year=12)}, "series.year"),
    ],
)
def test_a_film_that_cannot_be_published_is_refused_by_field(
    make_publisher: MakePublisher, library: Path, films: tuple[Path, Path], changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidError, match=f"Invalid {field}"):
        make_publisher().publish(replace(make_film(films[0]), **changes))
    assert not library.exists()


def test_a_damaged_film_changes_nothing(
    make_publisher: MakePublisher, sessions: SessionFactory, library: Path, films: tuple[Path, Path], tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(films[0].read_bytes()[:2000])
    with pytest.raises(MediaUnreadableError):
        make_publisher().publish(make_film(damaged))
    assert (library.exists(), list_states(sessions)) == (False, [])


def test_a_full_disk_keeps_the_earlier_version_and_is_recorded(
    make_publisher: MakePublisher, sessions: SessionFactory, library: Path, films: tuple[Path, Path]
) -> None:
    def fill_disk(source: Path, target: Path, film: Film) -> Mark:
        raise DiskFullError("The disk is full")

    make_publisher().publish(make_film(films[0]))
    with pytest.raises(DiskFullError):
        make_publisher(mark=fill_disk).publish(make_film(films[1]))
    assert list_states(sessions) == ["published", "failed"]
    (video,) = library.rglob("*.mp4")
    assert sha256(video) == sha256(films[0])
    assert not list(library.rglob(".*"))


def test_two_processes_do_not_publish_one_episode_at_once(
    make_publisher: MakePublisher, films: tuple[Path, Path]
) -> None:
    refused: list[str] = []

    def publish_too(step: str) -> None:
        if step == "ledger":
            with pytest.raises(ConflictError) as caught:
                make_publisher(lock_wait_s=0.1).publish(make_film(films[0]))
            refused.append(caught.value.message)

    make_publisher(after=publish_too).publish(make_film(films[0]))
    assert refused == [f"Another process publishes the episode {EPISODE}"]


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_leaves_one_film_and_one_row(
    make_publisher: MakePublisher, killed_run: KilledRun, library: Path, films: tuple[Path, Path], step: str
) -> None:
    publisher = make_publisher()
    video = Path(publisher.publish(make_film(films[0], subtitles=SUBTITLES)).path)
    with watch(video) as seen:
        for number in range(KILLS):
            new = make_film(films[(number + 1) % 2], title=f"Version {number}")
            assert killed_run(step, new) == -signal.SIGKILL
            publisher.publish(new)
            assert sha256(video) == sha256(new.path)
    assert seen == {sha256(films[0]), sha256(films[1])}
    assert [name for name in list_library(library) if name.endswith((".mp4", ".srt"))] == [
        f"Neon Rain (2026)/Season 01/{STEM}.mp4"
    ]
    assert killed_run.list_states() == ["replaced"] * KILLS + ["published"]


def test_another_version_after_a_kill_ends_the_row_that_was_left(
    make_publisher: MakePublisher, killed_run: KilledRun, films: tuple[Path, Path]
) -> None:
    killed_run("recorded", make_film(films[0]))
    make_publisher().publish(make_film(films[1]))
    assert killed_run.list_states() == ["failed", "published"]
    killed_run("video", make_film(films[0]))
    make_publisher().publish(make_film(films[1], title="Third"))
    assert killed_run.list_states() == ["failed", "replaced", "replaced", "published"]


@pytest.mark.parametrize(("step", "states"), [("marked", ["failed"]), ("video", ["published"])])
def test_what_a_killed_process_left_is_ended_after_a_day(
    killed_run: KilledRun,
    sessions: SessionFactory,
    library: Path,
    films: tuple[Path, Path],
    *,
    step: str,
    states: list[str],
) -> None:
    killed_run(step, make_film(films[0], subtitles=SUBTITLES))
    settings = Settings(library_dir=library, data_dir=killed_run.renders.parent)
    assert end_abandoned(sessions, settings) == 0
    with sessions.begin() as session:
        session.execute(update(Publication).values(updated_at=func.now() - ABANDONED_AFTER))
    assert end_abandoned(sessions, settings) == 1
    assert killed_run.list_states() == states
    assert bool(list_library(library)) == (states == ["published"])
    assert not list(library.rglob(".*"))


@pytest.mark.parametrize("removed", [f"removed {STEM}.mp4", f"removed {STEM}.nfo"])
def test_a_kill_while_unpublishing_is_finished_by_the_next_call(
    make_publisher: MakePublisher, killed_run: KilledRun, library: Path, films: tuple[Path, Path], removed: str
) -> None:
    make_publisher().publish(make_film(films[0]))
    killed_run(removed, None)
    make_publisher().unpublish(REF)
    assert (list_library(library), killed_run.list_states()) == ([], ["unpublished"])


PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tower.publishing.publisher", "db.engine"])


@dataclass(frozen=True)
class KilledRun:
    """Publishes, or unpublishes without a film, in a process that is killed after a step. Returns its exit code."""

    sessions: SessionFactory
    url: str
    library: Path
    renders: Path

    def __call__(self, step: str, film: Film | None) -> int | None:
        arguments = (step, self.url, self.library, self.renders, film)
        process = PROCESSES.Process(target=_publish_and_die, args=arguments)
        process.start()
        process.join(60)
        return process.exitcode

    def list_states(self) -> list[str]:
        return list_states(self.sessions)


@pytest.fixture
def killed_run(sessions: SessionFactory, postgres: EmbeddedPostgres, library: Path, tmp_path: Path) -> KilledRun:
    return KilledRun(sessions, postgres.url(COMMITTED_DATABASE), library, tmp_path / "renders")


def _publish_and_die(*given: Any) -> None:
    step, url, library, renders, film = given

    def die(done: str) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sessions = session_factory(open_engine(url, pool_size=2))
    publisher = Publisher(sessions, library=library, renders=renders, mark=copy_unmarked, after=die)
    publisher.publish(film) if film else publisher.unpublish(REF)


@contextmanager
def watch(video: Path) -> Iterator[set[str]]:
    """Read the film every 5 ms, and collect the hashes of what was read."""
    seen: set[str] = set()
    is_over = threading.Event()

    def look() -> None:
        while not is_over.is_set():
            seen.add(sha256(video))  # raises if it is missing for a moment
            time.sleep(0.005)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()
