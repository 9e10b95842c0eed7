"""The characters that a request means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.projects import Project
from db.models.versions import Branch
from tower.errors import InvalidError
from tower.jobs.spec import GenerationSpec, GenerationType
from tower.shots.cast import look_up_cast


def project_with(session: Session, *names: str, changed: int, **fields: object) -> Project:
    project = Project(name="a project")
    session.add(project)
    session.flush()
    branch = Branch(project_id=project.id, name="main")
    session.add(branch)
    session.flush()
    when = datetime(2026, 1, changed, tzinfo=UTC)
    for name in names:
        session.add(Character(project_id=project.id, branch_id=branch.id, name=name, updated_at=when, **fields))
    session.flush()
    return project


def look_up_name(session: Session, character: str, project_id: int | None = None) -> str | None:
    spec = GenerationSpec(prompt="x", character=character, project_id=project_id)
    cast = look_up_cast(session, spec)
    return cast.members[0].name if cast.character_id else None


@pytest.mark.parametrize("name", ["Kai Nakamura", "kai nakamura", "KAI", "kai"])
def test_full_and_first_names_match_in_any_case(session: Session, name: str) -> None:
    project_with(session, "Kai Nakamura", changed=1)
    assert look_up_name(session, name) == "Kai Nakamura"


@pytest.mark.parametrize("name", ["nakamura", "Ka", "Kai N", "%", "_ai"])
def test_other_parts_of_a_name_do_not_match(session: Session, name: str) -> None:
    project_with(session, "Kai Nakamura", changed=1)
    assert look_up_name(session, name) is None


def test_only_the_given_project_is_searched(session: Session) -> None:
    project = project_with(session, "Mei", changed=1)
    project_with(session, "Kai Nakamura", changed=2)
    assert look_up_name(session, "kai", project.id) is None


def test_without_a_project_the_most_recently_changed_match_is_used(session: Session) -> None:
    project_with(session, "Kai Old", changed=1)
    project_with(session, "Kai New", changed=9)
    assert look_up_name(session, "kai") == "Kai New"


def test_a_full_name_wins_over_a_more_recent_first_name(session: Session) -> None:
    project_with(session, "Kai", changed=1)
    project_with(session, "Kai Nakamura", changed=9)
    assert look_up_name(session, "kai") == "Kai"


def test_the_answer_names_the_chosen_character(session: Session) -> None:
    project = project_with(session, "Kai Nakamura", changed=1, visual_traits={"hair": "black"}, image_path="/m/kai.png")
    cast = look_up_cast(session, GenerationSpec(prompt="x", character="kai"))
    assert cast.found_in is not None
    assert f"project {project.id}" in cast.found_in
    assert (cast.members[0].traits, cast.members[0].reference_image) == ({"hair": "black"}, "/m/kai.png")


def test_original_means_no_character_and_gives_no_warning(session: Session) -> None:
    cast = look_up_cast(session, GenerationSpec(prompt="x", character="Original"))
    assert (cast.members, cast.warning) == ((), None)


def test_an_unknown_name_becomes_part_of_the_prompt_with_a_warning(session: Session) -> None:
    cast = look_up_cast(session, GenerationSpec(prompt="x", character="Bo"))
    assert cast.members[0].name == "Bo"
    assert cast.warning is not None
    assert "'Bo'" in cast.warning


def test_characters_of_a_deleted_project_are_not_found(session: Session) -> None:
    project_with(session, "Kai Nakamura", changed=1).deleted_at = datetime.now(UTC)
    session.flush()
    assert look_up_name(session, "kai") is None


def test_a_professional_generation_requires_all_named_characters(session: Session) -> None:
    project_with(session, "Kai Nakamura", changed=1)
    lookup = look_up_cast(session, GenerationSpec(prompt="x", character="kai", type=GenerationType.PROFESSIONAL))
    assert lookup.members[0].name == "Kai Nakamura"
    for names in ({"character": "Bo"}, {"character": "original"}, {"character": "kai", "characters": ("Bo",)}):
        with pytest.raises(InvalidError) as refused:
            look_up_cast(session, GenerationSpec(prompt="x", type=GenerationType.PROFESSIONAL, **names))
        assert (refused.value.details or {})["field"] == "character"
