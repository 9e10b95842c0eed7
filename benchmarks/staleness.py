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

from benchmarks.report import Figure, percentile, publish_figures
from benchmarks.versions import run_postgres
from db.engine import SessionFactory
from db.models.projects import Project, ProjectSettings
from db.models.rendering import Asset, AssetKind
from db.models.scenes import Scene, SceneStatus
from db.models.versions import Branch
from tower.pages import PageRequest
from tower.settings import Settings
from tower.shots.fingerprint import collect_fingerprint_inputs, current_engine
from tower.shots.scene_sources import load_render_inputs
from tower.shots.scene_spec import RenderOverrides
from tower.staleness import affected, report
from tower.versions import branches, editing, refs
from tower.versions.editing import EntityEdit
from tower.versions.kinds import Kind

SCENES, CHARACTERS, SCENES_PER_CHARACTER = 10_000, 200, 3
EDITS = 40
SEED = 11
SETTINGS = Settings(database_url="postgresql://unused", engine="animatic")


def main() -> None:
    drawn = random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="tower-staleness-") as folder:
        Path(folder).chmod(0o711)
        with run_postgres(Path(folder)) as made:
            project_id, people = create_project(made, drawn)
            accept_all_takes(made, project_id)
            figures = measure(made, project_id, people, drawn)
    publish_figures("staleness", f"Staleness among {SCENES:,} scenes that all have an accepted take", figures)


def create_project(made: SessionFactory, drawn: random.Random) -> tuple[int, list[uuid.UUID]]:
    """Create a project with its characters and scenes; each scene has three characters."""
    people = [uuid.UUID(int=drawn.getrandbits(128), version=4) for _ in range(CHARACTERS)]
    edits = [EntityEdit(Kind.CHARACTERS, key, {"name": f"Character {at}"}) for at, key in enumerate(people)]
    for number in range(1, SCENES + 1):
        playing = [{"name": str(key)[:8], "key": str(key)} for key in drawn.sample(people, SCENES_PER_CHARACTER)]
        fields = {"scene_number": number, "description": f"Scene {number} in the rain", "characters": playing}
        edits.append(EntityEdit(Kind.SCENES, uuid.UUID(int=drawn.getrandbits(128), version=4), fields))
    with made.begin() as session:
        project = Project(name="benchmark", settings=ProjectSettings())
        session.add(project)
        session.flush()
        commit(session, project.id, edits)
        return project.id, people


def accept_all_takes(made: SessionFactory, project_id: int) -> None:
    """Give each scene a fresh accepted take."""
    with made.begin() as session:
        take = Asset(kind=AssetKind.VIDEO, path="/take.mp4", sha256="a" * 64, bytes=1, probe={}, provenance={})
        session.add(take)
        session.flush()
        branch = find_main(session, project_id)
        scenes = session.scalars(select(Scene).filter_by(branch_id=branch.id)).all()
        sources = load_render_inputs(session, branch.id, project_id, scenes)
        for scene in scenes:
            inputs = collect_fingerprint_inputs(sources, scene, RenderOverrides(), current_engine(session, SETTINGS))
            scene.accepted_asset_id, scene.video_path, scene.status = take.id, take.path, SceneStatus.RENDERED
            scene.accepted_fingerprint = inputs.fingerprint
            scene.accepted_inputs = {"wish": RenderOverrides().as_json(), "parts": inputs.as_json()}
    with made() as session:
        session.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).execute(text("vacuum analyze"))


def measure(made: SessionFactory, project_id: int, people: list[uuid.UUID], drawn: random.Random) -> list[Figure]:
    whole_s = [time_work(made, lambda session: check_all(session, project_id, stale=0)) for _ in range(3)]
    starts = range(0, SCENES, report.MAX_PAGE_TAKES)
    page_ms = [1000 * time_work(made, partial(check_page, project_id=project_id, start=start)) for start in starts]
    character_ms, scene_ms, none_ms = [], [], []
    for number in range(EDITS):
        person = drawn.choice(people)
        traits = {"visual_traits": {"coat": f"colour {number}"}}
        apply_edit(made, project_id, EntityEdit(Kind.CHARACTERS, person, traits))
        edited = affected.by_entity(Kind.CHARACTERS, person)
        character_ms.append(1000 * time_work(made, partial(check_stale_after, project_id=project_id, edited=edited)))
        edited = affected.by_entity(Kind.BIBLE, person)
        none_ms.append(1000 * time_work(made, partial(check_stale_after, project_id=project_id, edited=edited)))
        with made() as session:
            key = session.scalars(select(Scene.key).filter_by(scene_number=drawn.randint(1, SCENES))).one()
        apply_edit(made, project_id, EntityEdit(Kind.SCENES, key, {"mood": f"mood {number}"}))
        edited = affected.by_entity(Kind.SCENES, key)
        scene_ms.append(1000 * time_work(made, partial(check_stale_after, project_id=project_id, edited=edited)))
    return [
        Figure("the whole branch, nothing stale, median of 3", f"{sorted(whole_s)[1]:.2f} s"),
        build_figure(f"a page of it ({report.MAX_PAGE_TAKES} takes)", page_ms, under_ms=50),
        build_figure(
            f"`stale_scenes` of a character's edit ({SCENES * SCENES_PER_CHARACTER // CHARACTERS} scenes)", character_ms
        ),
        build_figure("`stale_scenes` of a scene's edit", scene_ms),
        build_figure("`stale_scenes` of an edit that no picture depends on", none_ms),
    ]


def build_figure(name: str, found_ms: list[float], *, under_ms: int = 100) -> Figure:
    p95 = percentile(found_ms, 0.95)
    value = f"p50 {percentile(found_ms, 0.5):.1f} ms, p95 {p95:.1f} ms"
    return Figure(name, value, target=f"a part of < {under_ms} ms", met=p95 < under_ms)


def check_all(session: Session, project_id: int, *, stale: int) -> None:
    found = report.report_branch(session, find_main(session, project_id), SETTINGS)
    if (found.scenes, len(found.stale)) != (SCENES, stale):
        raise SystemExit(f"{len(found.stale)} of {found.scenes} scenes are stale: these figures are worth nothing")


def check_page(session: Session, project_id: int, start: int) -> None:
    found = report.report_page(session, find_main(session, project_id), SETTINGS, PageRequest(cursor=start))
    if (found.scenes, found.fresh) != (report.MAX_PAGE_TAKES, report.MAX_PAGE_TAKES):
        raise SystemExit(f"{found.fresh} of {found.scenes} scenes are fresh: these figures are worth nothing")


def check_stale_after(session: Session, project_id: int, edited: affected.AffectedEntities) -> None:
    branch_id = find_main(session, project_id).id
    found = affected.stale_scene_ids(session, branch_id, edited, project_id=project_id, settings=SETTINGS)
    if bool(found) != bool(edited):
        raise SystemExit("An edit of what is drawn made nothing stale: these figures are worth nothing")


def apply_edit(made: SessionFactory, project_id: int, edit: EntityEdit) -> None:
    with made.begin() as session:
        commit(session, project_id, [edit])


def commit(session: Session, project_id: int, edits: list[EntityEdit]) -> None:
    author_fields = {"message": "an edit", "author": "benchmark"}
    editing.commit_edits(session, project_id=project_id, branch=refs.MAIN, edits=edits, **author_fields)


def find_main(session: Session, project_id: int) -> Branch:
    return branches.find(session, project_id, refs.MAIN)


def time_work(made: SessionFactory, work: Callable[[Session], None]) -> float:
    """Run the work in a new session and return the seconds."""
    with made() as session:
        began = time.perf_counter()
        work(session)
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
