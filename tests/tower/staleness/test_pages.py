"""A branch is checked in pages of bounded size. Together they equal a check of the whole branch."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.models.projects import ProjectSettings
from db.models.rendering import Asset, AssetKind
from db.models.scenes import Scene, SceneStatus
from db.models.versions import Branch
from tests.tower.scene_takes import ANIMATIC_SETTINGS
from tests.tower.versions.story import VersionedStory, create_story
from tower.pages import PageRequest
from tower.shots.fingerprint import collect_fingerprint_inputs, current_engine
from tower.shots.fingerprint_inputs import read_stored_inputs
from tower.shots.scene_sources import load_render_inputs
from tower.shots.scene_spec import RenderOverrides
from tower.staleness.accepted_takes import is_stale
from tower.staleness.report import MAX_PAGE_SCENES, MAX_PAGE_TAKES, StalenessReport, report_branch, report_page
from tower.versions.editing import EntityEdit
from tower.versions.kinds import Kind
from tower.versions.values import encode_canonical

SCENES = MAX_PAGE_SCENES + 130


@pytest.fixture
def branch(session: Session) -> Branch:
    """Scene 1 shows a user's own video. Half of the others have an accepted take, and every tenth has a stale one."""
    story = create_story(session)
    session.add(ProjectSettings(project_id=story.project_id))
    kai = story.put(Kind.CHARACTERS, name="Kai", visual_traits={"coat": "black"})
    story.commit(*(_scene(number, kai) for number in range(1, SCENES + 1)))
    line = session.scalars(select(Branch).filter_by(project_id=story.project_id)).one()
    rows = session.scalars(select(Scene).order_by(Scene.scene_number)).all()
    rows[0].video_path = "/media/mine.mp4"
    _accept(story, [row for row in rows[1:] if row.scene_number % 2])
    session.flush()
    stale = update(Scene).where(Scene.accepted_asset_id.is_not(None), Scene.scene_number % 5 == 0)
    session.execute(stale.values(mood="tense"))
    session.expire_all()
    return line


def _scene(number: int, kai: uuid.UUID) -> EntityEdit:
    fields = {"scene_number": number, "description": f"雨 {number}", "duration_s": 8.0, "characters": [_playing(kai)]}
    return EntityEdit(Kind.SCENES, uuid.uuid4(), fields)


def _playing(key: uuid.UUID) -> dict[str, Any]:
    return {"name": "Kai", "key": str(key)}


def _accept(story: VersionedStory, rows: list[Scene]) -> None:
    take = Asset(kind=AssetKind.VIDEO, path="/take.mp4", sha256="a" * 64, bytes=1, probe={}, provenance={})
    story.session.add(take)
    story.session.flush()
    sources = load_render_inputs(story.session, rows[0].branch_id, story.project_id, rows)
    for row in rows:
        inputs = collect_fingerprint_inputs(
            sources, row, RenderOverrides(), current_engine(story.session, ANIMATIC_SETTINGS)
        )
        row.accepted_asset_id, row.video_path, row.status = take.id, take.path, SceneStatus.RENDERED
        row.accepted_fingerprint = inputs.fingerprint
        row.accepted_inputs = {"wish": {}, "parts": inputs.as_json()}


def all_pages(session: Session, branch: Branch, limit: int) -> list[StalenessReport]:
    pages = [report_page(session, branch, ANIMATIC_SETTINGS, PageRequest(limit))]
    while pages[-1].next_cursor is not None:
        pages.append(report_page(session, branch, ANIMATIC_SETTINGS, PageRequest(limit, pages[-1].next_cursor)))
    return pages


@pytest.mark.parametrize("limit", [1, 7, 200])
def test_all_pages_together_equal_the_report_of_the_whole_branch(session: Session, branch: Branch, limit: int) -> None:
    branch_report = report_branch(session, branch, ANIMATIC_SETTINGS)
    assert (branch_report.scenes, branch_report.own_videos, branch_report.next_cursor) == (SCENES, 1, None)
    assert (len(branch_report.missing), len(branch_report.stale), branch_report.fresh) == (315, 63, 251)
    pages = all_pages(session, branch, limit)
    assert [scene for page in pages for scene in page.stale] == list(branch_report.stale)
    assert [scene for page in pages for scene in page.missing] == list(branch_report.missing)
    assert sum(page.scenes for page in pages) == SCENES
    assert sum(page.own_videos for page in pages) == 1
    assert sum(page.fresh for page in pages) == branch_report.fresh


def test_a_page_ends_after_enough_stale_scenes_or_enough_checked_ones(session: Session, branch: Branch) -> None:
    pages = all_pages(session, branch, 7)
    assert all(len(page.stale) <= 7 and page.scenes <= MAX_PAGE_SCENES for page in pages)
    assert all(page.stale[-1].scene.scene_number == page.next_cursor for page in pages if len(page.stale) == 7)
    [first, *_, last] = all_pages(session, branch, 200)
    assert first.fresh + len(first.stale) == MAX_PAGE_TAKES
    assert first.next_cursor == 2 * MAX_PAGE_TAKES + 2  # One more scene with a take would exceed the page.
    assert last.next_cursor is None
    session.execute(update(Scene).values(accepted_asset_id=None, status=SceneStatus.DRAFT))
    session.execute(update(Scene).values(accepted_fingerprint=None, accepted_inputs=None, video_path=None))
    assert [(page.scenes, len(page.missing)) for page in all_pages(session, branch, 1)] == [
        (MAX_PAGE_SCENES, MAX_PAGE_SCENES),
        (SCENES - MAX_PAGE_SCENES, SCENES - MAX_PAGE_SCENES),
    ]


def test_a_fingerprint_covers_the_inputs_as_the_database_returns_them(session: Session, branch: Branch) -> None:
    row = session.scalars(select(Scene).where(Scene.accepted_inputs.is_not(None)).limit(1)).one()
    sources = load_render_inputs(session, branch.id, branch.project_id, [row])
    for overrides in (RenderOverrides(), RenderOverrides("low", overrides={"prompt": "霧", "seed": 7}, draw=2)):
        inputs = collect_fingerprint_inputs(sources, row, overrides, current_engine(session, ANIMATIC_SETTINGS))
        parts = inputs.as_json()
        assert inputs.fingerprint == hashlib.sha256(encode_canonical(json.loads(json.dumps(parts)))).hexdigest()
        assert parts["scene"]["duration_s"] == 8
        assert isinstance(parts["scene"]["duration_s"], int)
    stored_inputs = read_stored_inputs(row.accepted_inputs and row.accepted_inputs["parts"])
    assert stored_inputs is not None
    assert stored_inputs.fingerprint == row.accepted_fingerprint
    assert is_stale(session, row, ANIMATIC_SETTINGS) == (row.mood == "tense")
