"""Concurrent writers in real transactions. Each edit is there afterwards, once."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from db.engine import SessionFactory
from db.models.versions import Branch, Commit
from tests.tower.versions.story import VersionedStory, create_story
from tower.versions import editing
from tower.versions.editing import EntityEdit, PreconditionFailedError
from tower.versions.kinds import Kind

WRITERS, ROUNDS = 4, 5


def create_project(sessions: SessionFactory) -> int:
    with sessions.begin() as session:
        return create_story(session).project_id


def test_concurrent_writers_of_one_branch_lose_no_edit(sessions: SessionFactory) -> None:
    """All write fields of one character, which is the hardest case: each commit rewrites the object of the others."""
    project_id, kai = create_project(sessions), uuid.uuid4()
    with sessions.begin() as session:
        VersionedStory(session, project_id).put(Kind.CHARACTERS, key=kai, name="Kai")
    fields = ["role", "personality", "backstory", "visual_description"]

    def write(writer: int) -> None:
        for number in range(ROUNDS):
            with sessions.begin() as session:
                story = VersionedStory(session, project_id)
                story.put(Kind.CHARACTERS, key=kai, **{fields[writer]: f"take {number}"})
                story.put(Kind.SCENES, scene_number=writer * ROUNDS + number + 1, description=f"{writer}")

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    with sessions() as session:
        story = VersionedStory(session, project_id)
        assert [story.entities_at("main", Kind.CHARACTERS)[kai][field] for field in fields] == [
            f"take {ROUNDS - 1}"
        ] * WRITERS
        assert len(story.entities_at("main", Kind.SCENES)) == WRITERS * ROUNDS
        assert story.find_row(Kind.CHARACTERS, kai).version == WRITERS * ROUNDS + 1
        assert session.scalar(select(func.count()).select_from(Commit)) == 2 * WRITERS * ROUNDS + 2
        assert story.check_integrity() == []


def test_of_two_edits_with_the_same_head_one_is_refused(sessions: SessionFactory) -> None:
    project_id, kai = create_project(sessions), uuid.uuid4()
    with sessions.begin() as session:
        head = VersionedStory(session, project_id).commit(EntityEdit(Kind.CHARACTERS, kai, {"name": "Kai"})).hash

    def write(seed: int) -> bool:
        with sessions.begin() as session:
            try:
                VersionedStory(session, project_id).commit(
                    EntityEdit(Kind.CHARACTERS, kai, {"seed": seed}), expected_head=head
                )
            except PreconditionFailedError:
                return False
            return True

    with ThreadPoolExecutor(WRITERS) as pool:
        assert sorted(pool.map(write, range(1, WRITERS + 1))) == [False] * (WRITERS - 1) + [True]


def test_a_project_is_initialised_once(sessions: SessionFactory) -> None:
    project_id = create_project(sessions)

    def initialise(_: int) -> int:
        with sessions.begin() as session:
            return editing.ensure_main(session, project_id).id

    with ThreadPoolExecutor(WRITERS) as pool:
        assert len(set(pool.map(initialise, range(WRITERS)))) == 1
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Branch)) == 1
        assert session.scalar(select(func.count()).select_from(Commit)) == 1


def test_writers_of_two_branches_store_the_same_objects_without_a_deadlock(sessions: SessionFactory) -> None:
    project_id = create_project(sessions)
    with sessions.begin() as session:
        story = VersionedStory(session, project_id)
        for name in ("left", "right"):
            story.create_branch(name)
    keys = [uuid.uuid4() for _ in range(200)]

    def write(branch: str) -> None:
        order = keys if branch == "left" else keys[::-1]
        for number in range(3):
            with sessions.begin() as session:
                edits = [EntityEdit(Kind.CHARACTERS, key, {"name": key.hex, "seed": number}) for key in order]
                VersionedStory(session, project_id).commit(*edits, branch=branch)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ("left", "right")))
    with sessions() as session:
        story = VersionedStory(session, project_id)
        assert story.entities_at("left", Kind.CHARACTERS) == story.entities_at("right", Kind.CHARACTERS)
        assert story.check_integrity() == []


def test_two_concurrent_merges_and_an_edit_lose_nothing(sessions: SessionFactory) -> None:
    project_id = create_project(sessions)
    with sessions.begin() as session:
        story = VersionedStory(session, project_id)
        for name in ("left", "right"):
            story.create_branch(name)
        for name in ("left", "right"):
            story.put(Kind.CHARACTERS, name, name=name)

    def work(branch_name: str) -> None:
        with sessions.begin() as session:
            story = VersionedStory(session, project_id)
            if branch_name == "edit":
                story.put(Kind.CHARACTERS, name="main")
            else:
                story.merge(branch_name)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, ("left", "edit", "right")))
    with sessions() as session:
        story = VersionedStory(session, project_id)
        assert {character["name"] for character in story.entities_at("main", Kind.CHARACTERS).values()} == {
            "main",
            "left",
            "right",
        }
        assert story.check_integrity() == []
