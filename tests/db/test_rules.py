"""Constraints of the database, and the effects of a delete."""

from __future__ import annotations

import hashlib
import uuid
from typing import TypeVar

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.base import Base
from db.models.bibles import BibleCharacter, BibleHistory, BiblePart, ProjectBible
from db.models.characters import Character
from db.models.echo import EchoOrchestrationLog
from db.models.episodes import Episode
from db.models.jobs import JobType, ProductionJob
from db.models.music import MusicSceneSync
from db.models.projects import Project, ProjectSettings, ProjectStatus
from db.models.rendering import Asset, AssetKind, RenderSegment, SegmentState
from db.models.scenes import Scene
from db.models.styles import StyleTemplate
from db.models.versions import Branch, Commit, ObjectKind, Tag, VersionObject

Row = TypeVar("Row", bound=Base)
BUILT_IN = {"anime", "realistic", "artistic", "cinematic"}


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("anime_api.production_jobs", "status", "done"),
        ("anime_api.production_jobs", "stage", "almost"),
        ("anime_api.production_jobs", "job_type", "magic"),
        ("anime_api.production_jobs", "progress", 1.5),
        ("anime_api.production_jobs", "quality_score", 11),
        ("anime_api.anime_projects", "status", "deleted"),
        ("anime_api.projects", "width", 513),
        ("anime_api.scenes", "status", "lost"),
        ("anime_api.scenes", "scene_number", 0),
        ("public.render_queue", "state", "done"),
        ("public.assets", "sha256", "abc"),
    ],
)
def test_unknown_states_and_values_out_of_range_are_refused(
    session: Session, table: str, column: str, value: object
) -> None:
    insert_job_with_take(session, project := insert_project(session))
    insert(session, ProjectSettings(project_id=project.id))
    insert_scene(session, insert_branch(session, project), 1)
    with pytest.raises(IntegrityError, match=f'check constraint "ck_{table.split(".")[1]}_{column}"'):
        session.execute(text(f"update {table} set {column} = :value"), {"value": value})


def test_a_job_without_output_is_never_completed(session: Session) -> None:
    job = insert_job(session)
    with pytest.raises(IntegrityError, match="completed_has_output"):
        session.execute(update(ProductionJob).where(ProductionJob.id == job.id).values(status="completed"))


def test_a_failed_job_has_a_reason(session: Session) -> None:
    job = insert_job(session)
    with pytest.raises(IntegrityError, match="failed_has_reason"):
        session.execute(update(ProductionJob).where(ProductionJob.id == job.id).values(status="failed"))


def test_a_segment_has_at_most_one_completed_attempt(session: Session) -> None:
    job, take = insert_job_with_take(session)
    with pytest.raises(IntegrityError, match="uq_render_queue_one_take"):
        insert_segment(session, job, attempt=2, state=SegmentState.COMPLETED, asset_id=take.id)


def test_a_segment_without_a_take_is_never_completed(session: Session) -> None:
    with pytest.raises(IntegrityError, match="completed_has_take"):
        insert_segment(session, insert_job(session), attempt=1, state=SegmentState.COMPLETED)


def test_a_new_project_is_a_draft_with_empty_details(session: Session) -> None:
    project_id = session.scalar(text("insert into anime_api.anime_projects (name) values ('Kai') returning id"))
    project = session.get_one(Project, project_id)
    assert (project.status, project.details, project.deleted_at) == (ProjectStatus.DRAFT, {}, None)
    assert project.created_at.utcoffset() is not None


def test_names_are_unique_on_a_branch_in_any_case_and_free_on_another(session: Session) -> None:
    project = insert_project(session)
    main, other = insert_branch(session, project), insert_branch(session, project, "other")
    kai = insert_character(session, main, "Kai Nakamura")
    same = insert(session, Character(project_id=project.id, branch_id=other.id, key=kai.key, name="Kai Nakamura"))
    assert same.key == kai.key
    with pytest.raises(IntegrityError, match="uq_characters_branch_id_lower_name"):
        insert_character(session, main, "KAI nakamura")


def test_a_key_is_unique_on_a_branch(session: Session) -> None:
    branch = insert_branch(session, insert_project(session))
    kai = insert_character(session, branch, "Kai")
    with pytest.raises(IntegrityError, match="uq_characters_branch_id_key"):
        insert(session, Character(project_id=branch.project_id, branch_id=branch.id, key=kai.key, name="Rin"))


def test_a_row_cannot_belong_to_a_branch_of_another_project(session: Session) -> None:
    theirs = insert_branch(session, insert_project(session))
    with pytest.raises(IntegrityError, match="fk_characters_project_id_branch_id_branches"):
        insert(session, Character(project_id=insert_project(session).id, branch_id=theirs.id, name="Kai"))


def test_scenes_can_be_reordered_in_one_transaction_without_duplicate_numbers(session: Session) -> None:
    branch = insert_branch(session, insert_project(session))
    first, second = insert_scene(session, branch, 1), insert_scene(session, branch, 2)
    first.scene_number, second.scene_number = 2, 1
    session.flush()
    session.execute(text("set constraints all immediate"))
    with pytest.raises(IntegrityError, match="uq_scenes_branch_id_scene_number"):
        insert_scene(session, branch, 2)


def test_a_project_has_one_bible_per_branch(session: Session) -> None:
    branch = insert_branch(session, insert_project(session))
    branch_columns = {"project_id": branch.project_id, "branch_id": branch.id}
    insert(session, ProjectBible(**branch_columns, title="Bible", description="All of it"))
    with pytest.raises(IntegrityError, match="uq_project_bibles_branch_id"):
        insert(session, ProjectBible(**branch_columns, title="Another", description="No"))


def test_a_deleted_episode_leaves_its_scenes(session: Session) -> None:
    branch = insert_branch(session, insert_project(session))
    episode = insert(
        session, Episode(project_id=branch.project_id, branch_id=branch.id, episode_number=1, title="The Beginning")
    )
    scene = insert_scene(session, branch, 1, episode_key=episode.key)
    session.delete(episode)
    session.flush()
    session.refresh(scene)
    assert (scene.episode_key, scene.branch_id) == (None, branch.id)


def test_a_deleted_take_leaves_its_scene(session: Session) -> None:
    _, take = insert_job_with_take(session, state=SegmentState.SUPERSEDED)
    branch = insert_branch(session, insert_project(session))
    scene = insert_scene(session, branch, 1, accepted_asset_id=take.id, accepted_fingerprint="f" * 64)
    session.execute(update(RenderSegment).values(asset_id=None))
    session.delete(take)
    session.flush()
    session.refresh(scene)
    assert (scene.accepted_asset_id, scene.accepted_fingerprint) == (None, "f" * 64)


def test_a_commit_that_a_branch_or_tag_names_cannot_be_deleted(session: Session) -> None:
    project = insert_project(session)
    commit = insert_commit(session, project)
    insert_branch(session, project, head_id=commit.id)
    with pytest.raises(IntegrityError, match="fk_branches_project_id_head_id_commits"):
        session.execute(text("delete from anime_api.commits"))


def test_built_in_styles_exist_with_unique_names(session: Session) -> None:
    built_in = session.scalars(select(StyleTemplate).where(StyleTemplate.project_id.is_(None))).all()
    assert {style.name for style in built_in} == BUILT_IN
    assert all("best quality" in style.prompt and "worst quality" in style.negative_prompt for style in built_in)
    branch = insert_branch(session, insert_project(session))
    insert(session, StyleTemplate(project_id=branch.project_id, branch_id=branch.id, name="Anime", prompt="mine"))
    with pytest.raises(IntegrityError, match="uq_style_templates_branch_id_lower_name"):
        insert(session, StyleTemplate(name="Anime", prompt="second"))


def test_a_plan_step_has_an_action_and_the_plan_has_none(session: Session) -> None:
    plan = insert(session, EchoOrchestrationLog(asked="a scene in a forest", planner="rules"))
    insert(session, EchoOrchestrationLog(plan_id=plan.id, step=1, action="generate", asked="render", planner="rules"))
    with pytest.raises(IntegrityError, match="steps_have_actions"):
        insert(session, EchoOrchestrationLog(plan_id=plan.id, step=2, asked="render", planner="rules"))


def test_purging_a_project_deletes_its_story_and_versions_but_no_jobs_and_files(session: Session) -> None:
    project = insert_project(session)
    job, take = insert_job_with_take(session, project)
    insert_whole_story(session, project, take)
    session.execute(text("delete from anime_api.anime_projects where id = :id"), {"id": project.id})

    left = {
        row.__tablename__
        for row in (ProjectSettings, Branch, Commit, VersionObject, Tag, Character, Scene, ProjectBible, BibleCharacter)
        if session.scalar(select(func.count()).select_from(row))
    }
    assert left == set()
    assert session.scalar(select(func.count()).select_from(BibleHistory)) == 0
    assert session.scalar(select(func.count()).select_from(MusicSceneSync)) == 0
    assert session.scalars(select(StyleTemplate.name)).all() != []
    session.refresh(job)
    session.refresh(take)
    assert (job.project_id, take.project_id) == (None, None)


@pytest.mark.parametrize("run", ["first", "next"])
def test_the_session_fixture_rolls_back_commits_of_tested_code(session: Session, run: str) -> None:
    assert session.scalar(select(func.count()).select_from(Project)) == 0
    insert_project(session)
    session.commit()
    assert session.scalar(select(func.count()).select_from(Project)) == 1


def insert(session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    return row


def insert_project(session: Session) -> Project:
    return insert(session, Project(name="A project"))


def insert_branch(session: Session, project: Project, name: str = "main", *, head_id: int | None = None) -> Branch:
    return insert(session, Branch(project_id=project.id, name=name, head_id=head_id))


def insert_character(session: Session, branch: Branch, name: str) -> Character:
    return insert(session, Character(project_id=branch.project_id, branch_id=branch.id, name=name))


def insert_scene(session: Session, branch: Branch, number: int, **fields: object) -> Scene:
    scene_columns = {"project_id": branch.project_id, "branch_id": branch.id, "scene_number": number}
    return insert(session, Scene(**scene_columns, description="Opening in the village", **fields))


def insert_commit(session: Session, project: Project) -> Commit:
    content = b"{}"
    tree = VersionObject(
        project_id=project.id, hash=hashlib.sha256(content).hexdigest(), kind=ObjectKind.TREE, content=content
    )
    insert(session, tree)
    return insert(
        session,
        Commit(
            project_id=project.id,
            hash=hashlib.sha256(b"commit").hexdigest(),
            tree_hash=tree.hash,
            generation=0,
            branch_name="main",
            message="begin",
            author="tests",
        ),
    )


def insert_job(session: Session, project: Project | None = None) -> ProductionJob:
    return insert(
        session,
        ProductionJob(
            project_id=project.id if project else None,
            job_type=JobType.STANDARD,
            prompt="a detective",
            parameters={},
            comfyui_job_id=uuid.uuid4(),
            seed=1,
        ),
    )


def insert_segment(session: Session, job: ProductionJob, *, attempt: int, **fields: object) -> RenderSegment:
    shot = {"engine": "animatic", "shot": {}, "fingerprint": "f" * 64, "prompt_id": uuid.uuid4()}
    return insert(session, RenderSegment(job_id=job.id, segment=1, attempt=attempt, **shot, **fields))


def insert_job_with_take(
    session: Session, project: Project | None = None, *, state: SegmentState = SegmentState.COMPLETED
) -> tuple[ProductionJob, Asset]:
    job = insert_job(session, project)
    take = Asset(
        kind=AssetKind.VIDEO,
        path="/renders/take.mp4",
        sha256="a" * 64,
        bytes=1000,
        probe={},
        provenance={},
        project_id=job.project_id,
        job_id=job.id,
    )
    insert(session, take)
    insert_segment(session, job, attempt=1, state=state, asset_id=take.id)
    return job, take


def insert_whole_story(session: Session, project: Project, take: Asset) -> None:
    """A row in every table below a project, with every reference that could block a delete."""
    commit = insert_commit(session, project)
    branch = insert_branch(session, project, head_id=commit.id)
    branch_columns = {"project_id": project.id, "branch_id": branch.id}
    kai = insert_character(session, branch, "Kai")
    bible = insert(session, ProjectBible(**branch_columns, title="Bible", description="All of it"))
    scene = insert_scene(session, branch, 1, accepted_asset_id=take.id, accepted_fingerprint="f" * 64)
    session.add_all(
        [
            ProjectSettings(project_id=project.id),
            StyleTemplate(**branch_columns, name="noir", prompt="high contrast"),
            BibleCharacter(
                **branch_columns, bible_key=bible.key, character_key=kai.key, name="Kai", description="A detective"
            ),
            BibleHistory(
                project_id=project.id,
                branch_name="main",
                part=BiblePart.BIBLE,
                part_key=bible.key,
                after={"title": "Bible"},
                commit_id=commit.id,
                author="tests",
            ),
            Tag(project_id=project.id, name="v1", commit_id=commit.id, author="tests"),
            MusicSceneSync(scene_id=scene.id, audio_path="/media/theme.mp3"),
        ]
    )
    session.flush()
