"""Edits become commits, and the rows follow them."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.models.bibles import BibleHistory
from db.models.characters import Character
from db.models.projects import Project, ProjectStatus
from db.models.scenes import Scene, SceneStatus
from db.models.versions import Commit, VersionObject
from tests.tower.versions.story import VersionedStory
from tower.errors import ConflictError, InvalidError, NotFoundError
from tower.versions import editing
from tower.versions.editing import EntityEdit, PreconditionFailedError
from tower.versions.kinds import BIBLE_KEY, Kind


def test_an_edit_creates_a_commit_and_a_row(story: VersionedStory) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai", visual_traits={"hair": "black"})
    story.put(Kind.CHARACTERS, key=kai, description="A detective")
    row = story.find_row(Kind.CHARACTERS, kai)
    assert isinstance(row, Character)
    assert (row.name, row.description, row.visual_traits, row.version) == ("Kai", "A detective", {"hair": "black"}, 2)
    assert story.entities_at("main", Kind.CHARACTERS)[kai]["description"] == "A detective"
    assert story.check_integrity() == []


def test_an_edit_without_a_change_creates_no_commit(story: VersionedStory) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai", seed=1)
    head = story.commit()
    assert story.commit(EntityEdit(Kind.CHARACTERS, kai, {"name": "Kai", "seed": 1})) is head
    assert story.find_row(Kind.CHARACTERS, kai).version == 1


def test_true_and_one_are_different_values(story: VersionedStory) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai", visual_traits={"scar": 1})
    story.put(Kind.CHARACTERS, key=kai, visual_traits={"scar": True})
    assert story.entities_at("main", Kind.CHARACTERS)[kai]["visual_traits"]["scar"] is True
    assert story.check_integrity() == []


def test_a_commit_applies_all_its_edits_or_none(story: VersionedStory) -> None:
    head = story.commit(EntityEdit(Kind.CHARACTERS, uuid.uuid4(), {"name": "Kai"}))
    with pytest.raises(ConflictError, match="already has the character 'Rin'"):
        story.commit(*(EntityEdit(Kind.CHARACTERS, uuid.uuid4(), {"name": name}) for name in ("Rin", "RIN")))
    assert story.commit() == head
    assert [fields["name"] for fields in story.entities_at("main", Kind.CHARACTERS).values()] == ["Kai"]
    assert story.check_integrity() == []


def test_a_duplicate_number_is_a_conflict(story: VersionedStory) -> None:
    story.put(Kind.SCENES, scene_number=1, description="Dawn")
    with pytest.raises(ConflictError, match="already has the scene '1'"):
        story.put(Kind.SCENES, scene_number=1, description="Dusk")
    assert story.check_integrity() == []


def test_scenes_swap_numbers_and_characters_swap_names_in_one_commit(story: VersionedStory) -> None:
    first = story.put(Kind.SCENES, scene_number=1, description="Dawn")
    second = story.put(Kind.SCENES, scene_number=2, description="Dusk")
    kai, rin = story.put(Kind.CHARACTERS, name="Kai"), story.put(Kind.CHARACTERS, name="Rin")
    story.commit(
        EntityEdit(Kind.SCENES, first, {"scene_number": 2}),
        EntityEdit(Kind.SCENES, second, {"scene_number": 1}),
        EntityEdit(Kind.CHARACTERS, kai, {"name": "Rin"}),
        EntityEdit(Kind.CHARACTERS, rin, {"name": "Kai"}),
    )
    names = {key: fields["name"] for key, fields in story.entities_at("main", Kind.CHARACTERS).items()}
    assert names == {kai: "Rin", rin: "Kai"}
    assert story.check_integrity() == []


def test_an_outdated_head_is_refused(story: VersionedStory) -> None:
    head = story.commit(EntityEdit(Kind.CHARACTERS, kai := uuid.uuid4(), {"name": "Kai"}))
    story.put(Kind.CHARACTERS, key=kai, seed=7)
    with pytest.raises(PreconditionFailedError, match="is now"):
        story.commit(EntityEdit(Kind.CHARACTERS, kai, {"seed": 8}), expected_head=head.hash)
    now = story.commit()
    assert story.commit(EntityEdit(Kind.CHARACTERS, kai, {"seed": 8}), expected_head=now.hash).parent_id == now.id


@pytest.mark.parametrize(
    ("kind", "fields", "path"),
    [
        (Kind.CHARACTERS, {"name": "Kai", "id": 7}, "characters/Kai/id"),
        (Kind.CHARACTERS, {"description": "nameless"}, "/name"),
        (Kind.CHARACTERS, {"name": ""}, "characters//name"),
        (Kind.CHARACTERS, {"name": "Kai", "seed": 2**63}, "characters/Kai/seed"),
        (Kind.CHARACTERS, {"name": "Kai", "abilities": {"a": 1}}, "characters/Kai/abilities"),
        (Kind.CHARACTERS, {"name": "K\0ai"}, "/name"),
        (
            Kind.CHARACTERS,
            {"name": "Kai", "visual_traits": {"hair": float("nan")}},
            "characters/Kai/visual_traits/hair",
        ),
        (Kind.SCENES, {"scene_number": 0, "description": ""}, "scenes/0/scene_number"),
        (Kind.SCENES, {"scene_number": True, "description": ""}, "scenes/True/scene_number"),
        (Kind.SCENES, {"scene_number": 1, "description": "", "duration_s": 0}, "scenes/1/duration_s"),
        (Kind.SCENES, {"scene_number": 1, "description": "", "status": "final"}, "scenes/1/status"),
        (Kind.SCENES, {"scene_number": 1, "description": "", "episode_key": "no"}, "scenes/1/episode_key"),
        (Kind.SCENES, {"scene_number": 1, "description": "", "episode_key": str(uuid.uuid4())}, "scenes"),
        (Kind.STORY_ARCS, {"name": "Arc", "status": "over"}, "story_arcs/Arc/status"),
        (Kind.BIBLE, {"title": "Bible", "description": "x" * 2001}, "bible/Bible/description"),
    ],
)
def test_an_invalid_edit_is_refused_with_its_path(
    story: VersionedStory, kind: Kind, fields: dict[str, object], path: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        story.commit(EntityEdit(kind, BIBLE_KEY if kind == Kind.BIBLE else uuid.uuid4(), fields))
    assert path in (refused.value.details or {})["field"]
    assert story.check_integrity() == []


def test_deleting_an_episode_or_character_removes_references_to_it(story: VersionedStory) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    episode = story.put(Kind.EPISODES, episode_number=1, title="One")
    cast = [{"name": "Kai", "key": str(kai)}]
    scene = story.put(Kind.SCENES, scene_number=1, description="Dawn", episode_key=episode, characters=cast)
    arc = story.put(Kind.STORY_ARCS, name="Arc", episode_keys=[episode], milestones=[{"episode_key": str(episode)}])
    story.commit(EntityEdit(Kind.EPISODES, episode, None), EntityEdit(Kind.CHARACTERS, kai, None))
    scene_fields = story.entities_at("main", Kind.SCENES)[scene]
    assert (scene_fields["episode_key"], scene_fields["characters"]) == (None, [{"name": "Kai", "key": None}])
    assert story.entities_at("main", Kind.STORY_ARCS)[arc]["episode_keys"] == []
    assert story.check_integrity() == []


def test_deleting_a_bible_deletes_its_characters(story: VersionedStory, session: Session) -> None:
    story.put(Kind.BIBLE, title="Bible", description="All of it")
    story.put(Kind.BIBLE_CHARACTERS, bible_key=BIBLE_KEY, name="Kai", description="A detective")
    story.delete(Kind.BIBLE, BIBLE_KEY)
    assert story.entities_at("main", Kind.BIBLE_CHARACTERS) == {}
    assert story.check_integrity() == []
    changes = session.scalars(select(BibleHistory).order_by(BibleHistory.id)).all()
    assert [(row.part.value, row.before is None, row.after is None) for row in changes] == [
        ("bible", True, False),
        ("bible_character", True, False),
        ("bible", False, True),
        ("bible_character", False, True),
    ]


def test_the_first_scene_makes_a_draft_active(story: VersionedStory, session: Session) -> None:
    story.put(Kind.CHARACTERS, name="Kai")
    project = session.get_one(Project, story.project_id)
    statuses = []
    for number in (1, 2):
        session.refresh(project)
        statuses.append(project.status)
        story.put(Kind.SCENES, scene_number=number, description="Dawn")
    assert statuses == [ProjectStatus.DRAFT, ProjectStatus.ACTIVE]


def test_rows_from_before_the_first_commit_are_committed(story: VersionedStory, session: Session) -> None:
    main = editing.ensure_main(session, story.project_id)
    other = Project(name="Older than versions")
    session.add(other)
    session.flush()
    branch = type(main)(project_id=other.id, name="main")
    session.add(branch)
    session.flush()
    session.add(Character(project_id=other.id, branch_id=branch.id, name="Kai", seed=3))
    older = VersionedStory(session, other.id)
    assert editing.ensure_main(session, other.id).id == branch.id
    assert [fields["seed"] for fields in older.entities_at("main", Kind.CHARACTERS).values()] == [3]
    assert older.check_integrity() == []


def test_a_users_video_replaces_a_take_and_a_take_is_not_content(story: VersionedStory, session: Session) -> None:
    scene = story.put(Kind.SCENES, scene_number=1, description="Dawn")
    take = {"video_path": "/renders/take.mp4", "accepted_fingerprint": "f" * 64, "status": SceneStatus.RENDERED}
    session.execute(update(Scene).values(take))
    assert story.check_integrity() == []

    def shown_video() -> tuple[str | None, str | None, SceneStatus]:
        row = story.find_row(Kind.SCENES, scene)
        assert isinstance(row, Scene)
        return row.video_path, row.accepted_fingerprint, row.status

    story.put(Kind.SCENES, key=scene, description="Dusk")
    assert shown_video() == ("/renders/take.mp4", "f" * 64, SceneStatus.RENDERED)
    story.put(Kind.SCENES, key=scene, video_path="/media/mine.mp4")
    assert shown_video() == ("/media/mine.mp4", None, SceneStatus.RENDERED)
    story.put(Kind.SCENES, key=scene, video_path=None)
    assert shown_video() == (None, None, SceneStatus.DRAFT)
    assert story.check_integrity() == []


def test_an_edit_of_one_field_stores_few_objects(story: VersionedStory, session: Session) -> None:
    keys = [uuid.uuid4() for _ in range(300)]
    story.commit(*(EntityEdit(Kind.CHARACTERS, key, {"name": f"Kai {number}"}) for number, key in enumerate(keys)))
    stored = select(func.count(), func.sum(func.octet_length(VersionObject.content))).select_from(VersionObject)
    stored_before = session.execute(stored).one()
    story.put(Kind.CHARACTERS, key=keys[0], seed=1)
    stored_after = session.execute(stored).one()
    assert stored_after[0] - stored_before[0] <= 4
    assert stored_after[1] - stored_before[1] < 8000


def test_unknown_entities_are_not_found(story: VersionedStory, session: Session) -> None:
    story.commit()
    for refused in (
        lambda: story.delete(Kind.SCENES, uuid.uuid4()),
        lambda: story.commit(branch="nowhere"),
        lambda: story.find_row(Kind.SCENES, uuid.uuid4()),
        lambda: VersionedStory(session, 10**9).commit(),
    ):
        with pytest.raises(NotFoundError):
            refused()
    assert session.scalar(select(func.count()).select_from(Commit)) == 1


def test_a_row_is_found_by_key_and_by_id_on_its_branch_only(story: VersionedStory) -> None:
    kai = story.put(Kind.CHARACTERS, name="Kai")
    story.create_branch("other")
    row = story.find_row(Kind.CHARACTERS, kai)
    session, project_id = story.session, story.project_id
    for key in (kai, str(kai), row.id, str(row.id)):
        assert editing.get_row(session, project_id, "main", Kind.CHARACTERS, key=key) is row
    with pytest.raises(NotFoundError):
        editing.get_row(session, project_id, "other", Kind.CHARACTERS, key=row.id)
    with pytest.raises(NotFoundError):
        editing.get_row(session, project_id, "main", Kind.CHARACTERS, key="9" * 30)
