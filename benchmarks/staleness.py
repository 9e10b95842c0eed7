"""Staleness in a project of 10,000 scenes that all have an accepted take.

python -m benchmarks.staleness
"""

from __future__ import annotations

import random
import tempfile
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from benchmarks.report import Figure, percentile, publish
from benchmarks.versions import postgres
from db.engine import Sessions
from db.models.projects import Project, ProjectSettings
from db.models.rendering import Asset, AssetKind
from db.models.scenes import Scene, SceneStatus
from db.models.versions import Branch
from tower.pages import Wanted
from tower.settings import Settings
from tower.shots.fingerprint import engine_now, inputs_of
from tower.shots.scene_sources import sources_of
from tower.shots.scene_spec import Wish
from tower.staleness import affected, report
from tower.versions import branches, editing, refs
from tower.versions.editing import Edit
from tower.versions.kinds import Kind

SCENES, CHARACTERS, EACH = 10_000, 200, 3
EDITS = 40
SEED = 11
SETTINGS = Settings(database_url="postgresql://unused", engine="animatic")


def main() -> None:
    drawn = random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="tower-staleness-") as folder:
        Path(folder).chmod(0o711)
        with postgres(Path(folder)) as made:
            project_id, people = begin(made, drawn)
            accept_all(made, project_id)
            figures = measure(made, project_id, people, drawn)
    publish("staleness", f"Staleness among {SCENES:,} scenes that all have an accepted take", figures)


def begin(made: Sessions, drawn: random.Random) -> tuple[int, list[uuid.UUID]]:
    """Create a project with its characters and scenes; each scene has three characters."""
    people = [uuid.UUID(int=drawn.getrandbits(128), version=4) for _ in range(CHARACTERS)]
    edits = [Edit(Kind.CHARACTERS, key, {"name": f"Character {at}"}) for at, key in enumerate(people)]
    for number in range(1, SCENES + 1):
        playing = [{"name": str(key)[:8], "key": str(key)} for key in drawn.sample(people, EACH)]
        fields = {"scene_number": number, "description": f"Scene {number} in the rain", "characters": playing}
        edits.append(Edit(Kind.SCENES, uuid.UUID(int=drawn.getrandbits(128), version=4), fields))
    with made.begin() as session:
        project = Project(name="benchmark", settings=ProjectSettings())
        session.add(project)
        session.flush()
        commit(session, project.id, edits)
        return project.id, people


def accept_all(made: Sessions, project_id: int) -> None:
    """Give each scene a fresh accepted take."""
    with made.begin() as session:
        take = Asset(kind=AssetKind.VIDEO, path="/take.mp4", sha256="a" * 64, bytes=1, probe={}, provenance={})
        session.add(take)
        session.flush()
        branch = main_of(session, project_id)
        scenes = session.scalars(select(Scene).filter_by(branch_id=branch.id)).all()
        sources = sources_of(session, branch.id, project_id, scenes)
        for scene in scenes:
            inputs = inputs_of(sources, scene, Wish(), engine_now(session, SETTINGS))
            scene.accepted_asset_id, scene.video_path, scene.status = take.id, take.path, SceneStatus.RENDERED
            scene.accepted_fingerprint = inputs.fingerprint
            scene.accepted_inputs = {"wish": Wish().as_json(), "parts": inputs.as_json()}
    with made() as session:
        session.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).execute(text("vacuum analyze"))


def measure(made: Sessions, project_id: int, people: list[uuid.UUID], drawn: random.Random) -> list[Figure]:
    whole_s = [timed(made, lambda session: everything(session, project_id, stale=0)) for _ in range(3)]
    starts = range(0, SCENES, report.COMPARED)
    page_ms = [1000 * timed(made, partial(page, project_id=project_id, start=start)) for start in starts]
    character_ms, scene_ms, none_ms = [], [], []
    for number in range(EDITS):
        person = drawn.choice(people)
        traits = {"visual_traits": {"coat": f"colour {number}"}}
        change(made, project_id, Edit(Kind.CHARACTERS, person, traits))
        told = affected.by_entity(Kind.CHARACTERS, person)
        character_ms.append(1000 * timed(made, partial(after, project_id=project_id, told=told)))
        told = affected.by_entity(Kind.BIBLE, person)
        none_ms.append(1000 * timed(made, partial(after, project_id=project_id, told=told)))
        with made() as session:
            key = session.scalars(select(Scene.key).filter_by(scene_number=drawn.randint(1, SCENES))).one()
        change(made, project_id, Edit(Kind.SCENES, key, {"mood": f"mood {number}"}))
        told = affected.by_entity(Kind.SCENES, key)
        scene_ms.append(1000 * timed(made, partial(after, project_id=project_id, told=told)))
    return [
        Figure("the whole branch, nothing stale, median of 3", f"{sorted(whole_s)[1]:.2f} s"),
        figure(f"a page of it ({report.COMPARED} takes)", page_ms, under_ms=50),
        figure(f"`stale_scenes` of a character's edit ({SCENES * EACH // CHARACTERS} scenes)", character_ms),
        figure("`stale_scenes` of a scene's edit", scene_ms),
        figure("`stale_scenes` of an edit that no picture depends on", none_ms),
    ]


def figure(name: str, found_ms: list[float], *, under_ms: int = 100) -> Figure:
    p95 = percentile(found_ms, 0.95)
    value = f"p50 {percentile(found_ms, 0.5):.1f} ms, p95 {p95:.1f} ms"
    return Figure(name, value, target=f"a part of < {under_ms} ms", met=p95 < under_ms)


def everything(session: Session, project_id: int, *, stale: int) -> None:
    found = report.of_branch(session, main_of(session, project_id), SETTINGS)
    if (found.scenes, len(found.stale)) != (SCENES, stale):
        raise SystemExit(f"{len(found.stale)} of {found.scenes} scenes are stale: these figures are worth nothing")


def page(session: Session, project_id: int, start: int) -> None:
    found = report.page_of_branch(session, main_of(session, project_id), SETTINGS, Wanted(cursor=start))
    if (found.scenes, found.fresh) != (report.COMPARED, report.COMPARED):
        raise SystemExit(f"{found.fresh} of {found.scenes} scenes are fresh: these figures are worth nothing")


def after(session: Session, project_id: int, told: affected.Touched) -> None:
    branch_id = main_of(session, project_id).id
    found = affected.stale_after(session, branch_id, told, project_id=project_id, settings=SETTINGS)
    if bool(found) != bool(told):
        raise SystemExit("An edit of what is drawn made nothing stale: these figures are worth nothing")


def change(made: Sessions, project_id: int, edit: Edit) -> None:
    with made.begin() as session:
        commit(session, project_id, [edit])


def commit(session: Session, project_id: int, edits: list[Edit]) -> None:
    author_fields = {"message": "an edit", "author": "benchmark"}
    editing.commit(session, project_id=project_id, branch=refs.MAIN, edits=edits, **author_fields)


def main_of(session: Session, project_id: int) -> Branch:
    return branches.find(session, project_id, refs.MAIN)


def timed(made: Sessions, work: Callable[[Session], None]) -> float:
    """Run the work in a new session and return the seconds."""
    with made() as session:
        began = time.perf_counter()
        work(session)
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
