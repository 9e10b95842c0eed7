"""A film is made exactly once, also when its process is killed after any step of the assembly."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import re
import signal
import threading
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.engine import SessionFactory, open_engine, session_factory
from db.models.jobs import JobStatus, ProductionJob
from db.models.rendering import Asset
from deployments.postgres import EmbeddedPostgres
from tests.conftest import COMMITTED_DATABASE
from tests.tower.assembly.golden import add_sound, click_track, write_house_take
from tests.tower.films.conftest import FilmStage, build_stage
from tests.tower.media.numbered import ClipFormat, draw_planes, write_clip
from tests.tower.scene_takes import ANIMATIC_SETTINGS
from tower.films.making import PlannedFilm, plan_film
from tower.films.requests import RenderChoice, read_request
from tower.films.runs import run_film
from tower.jobs import attempts
from tower.media.files import sha256_of
from tower.settings import Settings
from tower.versions.kinds import Kind

KILLS = 5  # at each step
# The steps of a film of a card, a take that is copied but for its end, and one that is encoded.
STEPS = Counter(
    {
        "wrote clips/mp4": 2,
        "wrote clips/as-it-is": 1,
        "wrote clips/end.mp4": 1,
        "wrote seams/mp4": 1,
        "wrote sound/f32": 1,
        "wrote slices/aac": 1,
        "wrote sound/m4a": 1,
        "wrote sound/json": 1,
        "joined": 1,
        "checked": 1,
        "film": 1,
        "remembered": 1,
        "stored": 1,
        "recorded": 1,
        "finished": 1,
    }
)
KEY = re.compile(r"[0-9a-f]{64}\.")
PICTURES = re.compile("wrote (clips|seams)/")  # which no later run encodes again
FLOW_RUN = uuid.UUID(int=1)
GIVE_UP_S = 240.0


def test_a_kill_after_any_step_leaves_one_film_and_one_row(
    sessions: SessionFactory, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    killed: Counter[str] = Counter()
    give_up_s = time.monotonic() + GIVE_UP_S
    with sessions() as session, killing_process(postgres.url(COMMITTED_DATABASE)) as process:
        stage = set_up(session, tmp_path)
        number = 0
        # Two threads may be at a step at once, so now and then a round misses one.
        while killed & by(STEPS, KILLS) != by(STEPS, KILLS):
            assert time.monotonic() < give_up_s, killed
            number += 1
            settings = ANIMATIC_SETTINGS.model_copy(update={"data_dir": tmp_path / f"round-{number}"})
            job_id = open_round(stage, number)
            with watch(settings) as seen:
                steps = process(job_id, settings)
            killed += Counter(KEY.sub("", step) for step in set(steps))
            assert [step for step, count in Counter(steps).items() if PICTURES.match(step) and count > 1] == []
            check_result(session, stage, job_id, settings, seen)
    assert set(killed) == set(STEPS)


def set_up(session: Session, folder: Path) -> FilmStage:
    stage = build_stage(session, folder)
    house = add_sound(write_house_take(folder / "house.mp4", range(12), shade=60), click_track(0.2, 0.5))
    pictures = [draw_planes(number, 120, (64, 48)) for number in range(12)]
    foreign = write_clip(folder / "foreign.mp4", pictures, ClipFormat(size=(64, 48)))
    for scene, video in zip(stage.scenes, (house, foreign), strict=True):
        stage.edit_scene(scene, video_path=str(video))
    return stage


def open_round(stage: FilmStage, number: int) -> int:
    """Open the job of a film whose title no film before has."""
    first, second = (str(scene) for scene in stage.scenes)
    dissolve = {"kind": "dissolve", "frames": 2}
    cut = {
        "title_card": {"lines": [f"Round {number}"], "seconds": 0.25},
        "scenes": {first: {"sound": "keep", "transition": dissolve}, second: {}},
    }
    stage.village.edit(Kind.EPISODES, stage.key, cut=cut)
    job_id = stage.open_film(render=RenderChoice.NONE).job.id
    stage.session.commit()
    return job_id


def check_result(
    session: Session, stage: FilmStage, job_id: int, settings: Settings, seen: set[tuple[str, str]]
) -> None:
    session.expire_all()
    (asset,) = session.scalars(select(Asset).where(Asset.job_id == job_id))
    assert stage.locate().row.asset_id == asset.id
    assert stage.read_job(job_id).status == JobStatus.COMPLETED
    assert sha256_of(Path(asset.path)) == asset.sha256
    assert {sha256 for _, sha256 in seen} == {asset.sha256}  # whenever a file was there, it was the whole film
    files = [path for path in settings.data.rglob("*") if path.is_file() and path.name != ".lock"]
    assert [path for path in files if path.suffix == ".f32" or path.name.startswith(".")] == []
    assert [path for path in files if settings.renders in path.parents] == [Path(asset.path)]


def by(counts: Counter[str], times: int) -> Counter[str]:
    return Counter({name: count * times for name, count in counts.items()})


@contextmanager
def watch(settings: Settings) -> Iterator[set[tuple[str, str]]]:
    """Look every 5 ms for films under their final names, and collect the hashes of their content."""
    seen: set[tuple[str, str]] = set()
    is_over = threading.Event()

    def look() -> None:
        while not is_over.is_set():
            for film in settings.renders.glob("*/[!.]*"):
                try:
                    seen.add((film.name, sha256_of(film)))
                except FileNotFoundError:  # stored meanwhile
                    continue
            time.sleep(0.005)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


@dataclass(frozen=True)
class KillingProcess:
    """Runs jobs in forks of one process, which imports everything once."""

    connection: Connection

    def __call__(self, job_id: int, settings: Settings) -> list[str]:
        """Run the job until a run ends by itself. Each run before is killed after a step that no run before had done.

        Returns the steps of all runs.
        """
        self.connection.send((job_id, settings))
        assert self.connection.poll(GIVE_UP_S)
        steps: list[str] = self.connection.recv()
        return steps


@contextmanager
def killing_process(url: str) -> Iterator[KillingProcess]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, url), daemon=True)
    process.start()
    try:
        yield KillingProcess(ours)
    finally:
        process.kill()
        process.join(60)


def _serve(connection: Connection, url: str) -> None:
    importlib.import_module("moviepy")  # cards load it when they are drawn, which would be in every fork
    while True:
        connection.send(_kill_after_every_step(url, *connection.recv()))


def _kill_after_every_step(url: str, job_id: int, settings: Settings) -> list[str]:
    engine = open_engine(url, pool_size=1)
    with session_factory(engine)() as session:  # once, as the first queries of a process take 0.3 s
        planned = plan_film(session, read_request(session.get_one(ProductionJob, job_id)))
    engine.dispose()
    steps: list[str] = []
    while True:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            os._exit(_run(url, planned, (job_id, settings), (writer, steps)))
        os.close(writer)
        with os.fdopen(reader) as lines:
            steps += lines.read().split("\n")[:-1]
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code != -signal.SIGKILL:
            assert code == 0
            return steps


def _run(url: str, planned: PlannedFilm, job: tuple[int, Settings], pipe: tuple[int, Sequence[str]]) -> int:
    (job_id, settings), (writer, steps_before) = job, pipe

    def report_or_die(step: str) -> None:
        os.write(writer, f"{step}\n".encode())
        if step not in steps_before:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        sessions = session_factory(open_engine(url, pool_size=2))
        with sessions.begin() as session:
            attempt = attempts.claim_job(session, job_id, flow_run_id=FLOW_RUN, timeout_s=60)
        made = run_film(sessions, attempt, planned, settings, after=report_or_die)
        with sessions.begin() as session:
            attempts.complete_job(session, attempt, asset=made.asset, score=None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
