"""Past states can be read at any ref."""

from __future__ import annotations

import uuid
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from db.models.versions import Commit
from tests.tower.versions.story import VersionedStory
from tower.errors import InvalidError, NotFoundError
from tower.pages import PageRequest
from tower.versions import history, tags
from tower.versions.editing import EntityEdit
from tower.versions.history import ChangeType
from tower.versions.kinds import Kind


def test_every_kind_of_ref_finds_its_commit(story: VersionedStory, session: Session) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai", seed=1)
    first = story.commit()
    tags.create(session, story.project_id, "v1", "main", author="tests")
    story.put(Kind.CHARACTERS, key=kai, seed=2)
    for ref, seed in (("v1", 1), (first.hash, 1), (first.hash[:8].upper(), 1), ("main", 2)):
        assert history.entity_at(session, story.project_id, ref, Kind.CHARACTERS, key=kai)["seed"] == seed


def test_a_hash_prefix_must_match_exactly_one_commit(story: VersionedStory, session: Session) -> None:
    head = story.commit()
    twin = head.hash[:40] + "0" * 24
    session.execute(
        text(
            "insert into anime_api.commits (project_id, hash, tree_hash, parent_id, generation, branch_name, message,"
            " author) select project_id, :twin, tree_hash, id, 1, 'main', '', '' from anime_api.commits where id = :id"
        ),
        {"twin": twin, "id": head.id},
    )
    with pytest.raises(InvalidError, match="more digits"):
        history.resolve_ref(session, story.project_id, head.hash[:12])
    assert history.resolve_ref(session, story.project_id, head.hash) == head
    for ref in ("nowhere", "abc", "", head.hash[:12] + "g"):
        with pytest.raises(NotFoundError):
            history.resolve_ref(session, story.project_id, ref)


def test_a_diff_names_nested_fields(story: VersionedStory, session: Session) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai", visual_traits={"hair": "black", "eyes": {"left": "blue"}})
    deleted = story.put(Kind.SCENES, scene_number=10, description="Dusk")
    commit_before = story.commit()
    new = uuid.uuid4()
    story.commit(
        EntityEdit(Kind.CHARACTERS, kai, {"visual_traits": {"eyes": {"left": "red"}, "a/b": None}}),
        EntityEdit(Kind.SCENES, deleted, None),
        EntityEdit(Kind.SCENES, new, {"scene_number": 9, "description": "Dawn"}),
    )
    changes = history.diff_refs(session, story.project_id, commit_before.hash, "main")
    assert [(change.kind, change.key, change.label, change.change) for change in changes] == [
        (Kind.CHARACTERS, kai, "Kai", ChangeType.CHANGED),
        (Kind.SCENES, new, "9", ChangeType.ADDED),
        (Kind.SCENES, deleted, "10", ChangeType.REMOVED),
    ]
    assert [(field.path, field.before, field.after) for field in changes[0].fields] == [
        ("visual_traits/eyes/left", "blue", "red"),
        ("visual_traits/hair", "black", None),
        ("visual_traits/a~1b", None, None),
    ]
    assert history.diff_refs(session, story.project_id, "main", "main") == []


def test_the_log_is_paged_and_contains_both_sides_of_a_merge(story: VersionedStory, session: Session) -> None:
    story.commit()
    story.create_branch("dark")
    for number in range(3):
        story.put(Kind.CHARACTERS, name=f"Kai {number}")
        story.put(Kind.CHARACTERS, "dark", name=f"Rin {number}")
    story.merge("dark")
    commits_seen: list[Commit] = []
    parents: list[tuple[str, ...]] = []
    cursor = None
    while True:
        page = history.list_commits(session, story.project_id, "main", limit=3, before=cursor)
        commits_seen += page.commits
        parents += [page.parents[commit.id] for commit in page.commits]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(commits_seen) == len({commit.id for commit in commits_seen}) == 8
    assert [commit.id for commit in commits_seen] == sorted((commit.id for commit in commits_seen), reverse=True)
    assert [len(hashes) for hashes in parents] == [2, 1, 1, 1, 1, 1, 1, 0]
    assert [history.parent_hashes(session, commit) for commit in commits_seen] == parents
    by_hash = {commit.hash: commit.id for commit in commits_seen}
    assert [[by_hash[commit_hash] for commit_hash in hashes] for hashes in parents] == [
        [commit_id for commit_id in (commit.parent_id, commit.merged_id) if commit_id] for commit in commits_seen
    ]


def test_the_history_of_an_entity_lists_its_changes(story: VersionedStory, session: Session) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    story.create_branch("dark")
    story.put(Kind.CHARACTERS, "dark", key=kai, seed=1)
    story.put(Kind.CHARACTERS, name="Rin")
    story.merge("dark")
    story.delete(Kind.CHARACTERS, kai)
    past = partial(history.entity_history, session, story.project_id, "main", Kind.CHARACTERS)
    revisions = past(key=kai, page_request=PageRequest()).rows
    assert [revision.number for revision in revisions] == [3, 2, 1]
    assert [
        (revision.change, revision.fields and revision.fields["seed"], revision.commit.branch_name)
        for revision in revisions
    ] == [
        (ChangeType.REMOVED, None, "main"),
        (ChangeType.CHANGED, 1, "dark"),
        (ChangeType.ADDED, None, "main"),
    ]
    with pytest.raises(NotFoundError):
        past(key=uuid.uuid4(), page_request=PageRequest())


def test_a_page_of_the_history_continues_after_the_previous_one_despite_new_changes(
    story: VersionedStory, session: Session
) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    for seed in range(2, 6):
        story.put(Kind.CHARACTERS, key=kai, seed=seed)
    past = partial(history.entity_history, session, story.project_id, "main", Kind.CHARACTERS, key=kai)
    first = past(page_request=PageRequest(limit=2))
    assert [revision.number for revision in first.rows] == [5, 4]
    story.delete(Kind.CHARACTERS, kai)
    second = past(page_request=PageRequest(limit=2, cursor=first.next_cursor))
    assert [(revision.number, revision.fields and revision.fields["seed"]) for revision in second.rows] == [
        (3, 3),
        (2, 2),
    ]
    last = past(page_request=PageRequest(limit=2, cursor=second.next_cursor))
    assert ([revision.number for revision in last.rows], last.next_cursor) == ([1], None)
    assert past(page_request=PageRequest(cursor=1)).rows == []


def test_a_merge_between_two_pages_of_the_history_neither_hides_nor_repeats_changes(
    story: VersionedStory, session: Session
) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    story.create_branch("dark")
    story.put(Kind.CHARACTERS, "dark", key=kai, role="villain")
    story.put(Kind.CHARACTERS, key=kai, seed=1)
    past = partial(history.entity_history, session, story.project_id, "main", Kind.CHARACTERS, key=kai)
    first = past(page_request=PageRequest(limit=1))
    story.merge("dark")
    second = past(page_request=PageRequest(limit=9, cursor=first.next_cursor))
    commits_seen = [revision.commit.id for revision in (*first.rows, *second.rows)]
    all_ids = [revision.commit.id for revision in past(page_request=PageRequest()).rows]
    assert commits_seen == all_ids[1:]  # The merge itself came later.


def test_other_projects_are_not_visible(story: VersionedStory, session: Session) -> None:
    from tests.tower.versions.story import create_story

    kai = story.put(Kind.CHARACTERS, name="Kai")
    head, other = story.commit(), create_story(session)
    for ref in (head.hash, "main"):
        with pytest.raises(NotFoundError):
            history.entity_at(session, other.project_id, ref, Kind.CHARACTERS, key=kai)
