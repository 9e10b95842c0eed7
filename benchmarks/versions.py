"""Versions in a project of 10,000 scenes, compared with git on the same content with one JSON file per scene.

python -m benchmarks.versions
"""

from __future__ import annotations

import gc
import json
import os
import random
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmarks.report import Figure, percentile, publish_figures
from db.engine import SessionFactory, open_engine, session_factory
from db.migrate import upgrade
from db.models.projects import Project
from deployments.postgres import EmbeddedPostgres
from tower.pages import PageRequest
from tower.versions import branches, editing, fsck, history
from tower.versions.editing import EntityEdit
from tower.versions.kinds import Kind
from tower.versions.merge import branches as merging

SCENES = 10_000
EDITS = 1_000  # on each side of the merge
COMMITS = 50
SEED = 11


@dataclass(frozen=True)
class VersionTimings:
    commit_ms: Sequence[float]
    commit_bytes: Sequence[int]
    merge_s: float
    create_s: float
    branch_s: float


def main() -> None:
    drawn = random.Random(SEED)
    keys = [uuid.UUID(int=drawn.getrandbits(128), version=4) for _ in range(SCENES)]
    changed = drawn.sample(keys, 2 * EDITS)
    sides = {"left": changed[:EDITS], "right": changed[EDITS:]}
    with tempfile.TemporaryDirectory(prefix="tower-versions-") as folder:
        Path(folder).chmod(0o711)
        with run_postgres(Path(folder)) as made:
            ours, reads = measure_tower(made, keys, sides)
        git = measure_git(Path(folder) / "git", keys, sides)
    publish_figures(
        "versions", f"Versions of a project of {SCENES:,} scenes, beside git", build_figures(ours, git, reads)
    )


def measure_tower(
    made: SessionFactory, keys: Sequence[uuid.UUID], sides: dict[str, list[uuid.UUID]]
) -> tuple[VersionTimings, dict[str, float]]:
    with made.begin() as session:
        project = Project(name="benchmark")
        session.add(project)
        session.flush()
        project_id = project.id
        editing.ensure_main(session, project_id)

    def commit(branch: str, edits: Sequence[EntityEdit]) -> None:
        with made.begin() as session:
            editing.commit_edits(
                session, project_id=project_id, branch=branch, edits=edits, message="an edit", author="benchmark"
            )

    create_s = time_work(
        lambda: commit("main", [EntityEdit(Kind.SCENES, key, build_scene(at)) for at, key in enumerate(keys, 1)])
    )
    with made() as session:
        session.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).execute(text("vacuum analyze"))
    commit_ms, commit_bytes = [], []
    for at in range(COMMITS):
        before = stored_bytes(made)
        edit = [EntityEdit(Kind.SCENES, keys[at * 7], {"description": f"Edit {at}"})]
        commit_ms.append(1000 * time_work(partial(commit, "main", edit)))
        commit_bytes.append(stored_bytes(made) - before)

    def fork(name: str) -> None:
        with made.begin() as session:
            branches.create(session, project_id, name)

    branch_s = max(time_work(partial(fork, name)) for name in sides)
    for name, mine in sides.items():
        commit(name, [EntityEdit(Kind.SCENES, key, {"mood": name}) for key in mine])

    def merge() -> None:
        with made.begin() as session:
            merging.merge_branch(
                session, project_id=project_id, source="right", target="left", message="merge", author="benchmark"
            )

    merge_s = time_work(merge)
    with made() as session:
        reads = read_times(session, project_id, keys[0])
    return VersionTimings(commit_ms, commit_bytes, merge_s, create_s, branch_s), reads


def read_times(session: Session, project_id: int, key: uuid.UUID) -> dict[str, float]:
    def whole() -> None:
        if list(fsck.check_project(session, project_id=project_id)):
            raise SystemExit("fsck found damage: these figures are worth nothing")

    scene = (session, project_id, "left", Kind.SCENES)
    return {
        "all scenes at a commit": time_work(lambda: history.entities_at(*scene)),
        "one scene at a commit": time_work(lambda: history.entity_at(*scene, key=key)),
        "difference of two branches": time_work(lambda: history.diff_refs(session, project_id, "main", "left")),
        "history of one scene": time_work(lambda: history.entity_history(*scene, key=key, page_request=PageRequest())),
        "first page of the log": time_work(lambda: history.list_commits(session, project_id, "left")),
        "fsck, three branches": time_work(whole),
    }


def measure_git(folder: Path, keys: Sequence[uuid.UUID], sides: dict[str, list[uuid.UUID]]) -> VersionTimings:
    """The same edits as files in 256 folders by the first two digits of the key, which suits git."""
    folder.mkdir()
    quiet = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=benchmark", "-c", "user.email=b@example", "-c", "gc.auto=0")
        subprocess.run(["git", *who, *arguments], cwd=folder, env=quiet, check=True, capture_output=True)

    def write(key: uuid.UUID, at: int, **more: str) -> None:
        path = folder / key.hex[:2] / f"{key}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({**build_scene(at), **more}, indent=1, sort_keys=True))

    places = {key: at for at, key in enumerate(keys, 1)}
    git("init", "-q", "-b", "main")

    def create() -> None:
        for key, at in places.items():
            write(key, at)
        git("add", "-A")
        git("commit", "-qm", "begin")

    create_s = time_work(create)
    commit_ms, commit_bytes = [], []
    for at in range(COMMITS):
        before = folder_bytes(folder / ".git" / "objects")
        key = keys[at * 7]
        write(key, places[key], description=f"Edit {at}")
        commit_ms.append(1000 * time_work(lambda: git("commit", "-qam", "an edit")))
        commit_bytes.append(folder_bytes(folder / ".git" / "objects") - before)
    branch_s = time_work(lambda: git("branch", "left"))
    git("branch", "right")
    for name, mine in sides.items():
        git("checkout", "-q", name)
        for key in mine:
            write(key, places[key], mood=name)
        git("commit", "-qam", name)
    git("checkout", "-q", "left")
    merge_s = time_work(lambda: git("merge", "-q", "-m", "merge", "right"))
    return VersionTimings(commit_ms, commit_bytes, merge_s, create_s, branch_s)


def build_figures(ours: VersionTimings, git: VersionTimings, reads: dict[str, float]) -> list[Figure]:
    median, worst = percentile(ours.commit_ms, 0.5), percentile(ours.commit_ms, 0.95)
    most = max(ours.commit_bytes)
    return [
        Figure(
            f"one-field commit, median and p95 of {COMMITS}",
            f"{median:.1f} ms, {worst:.1f} ms",
            f"git {percentile(git.commit_ms, 0.5):.1f} ms, {percentile(git.commit_ms, 0.95):.1f} ms",
            "< 50 ms",
            worst < 50,
        ),
        Figure(
            "bytes of objects that it stores, most",
            f"{most / 1000:.1f} kB",
            f"git {max(git.commit_bytes) / 1000:.1f} kB, compressed",
            "< 64 kB",
            most < 64_000,
        ),
        Figure(
            f"merge of two branches with {EDITS:,} edits each",
            f"{ours.merge_s:.2f} s",
            f"git {git.merge_s:.2f} s",
            "< 1 s",
            ours.merge_s < 1,
        ),
        Figure(f"{SCENES:,} scenes created in one commit", f"{ours.create_s:.2f} s", f"git {git.create_s:.2f} s"),
        Figure(
            f"branch with rows of its own for {SCENES:,} scenes",
            f"{ours.branch_s:.2f} s",
            f"git {git.branch_s:.2f} s, without files",
        ),
        *(Figure(name, f"{1000 * spent_s:.0f} ms") for name, spent_s in reads.items()),
    ]


def build_scene(at: int) -> dict[str, object]:
    return {
        "scene_number": at,
        "description": f"Scene {at}: rain over the village, a lantern goes out, somebody waits under the old bridge.",
        "duration_s": 5,
        "dialogue": [{"character": "Kai Nakamura", "line": f"It is time, number {at}.", "timestamp": 1.5}],
        "location": "village",
        "camera": "slow pan",
    }


def time_work(work: Callable[[], object]) -> float:
    """Return the seconds of `work`. Garbage is collected before: collecting that of earlier work takes up to 80 ms."""
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def stored_bytes(made: SessionFactory) -> int:
    with made() as session:
        total = session.scalar(text("select sum(octet_length(content)) from anime_api.version_objects"))
        return int(total or 0)


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def run_postgres(folder: Path) -> Iterator[SessionFactory]:
    """The embedded server as the stack runs it, fsync included."""
    server = EmbeddedPostgres(folder / "postgres", find_free_port())
    server.start()
    engine = open_engine(server.url("anime_production"), application="benchmark")
    try:
        upgrade(server.url("anime_production"))
        yield session_factory(engine)
    finally:
        engine.dispose()
        server.stop()


if __name__ == "__main__":
    main()
