"""The glossary of cultural elements: built-in ones, a project's own ones, and the check of texts against both."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.culture import CheckedKind, CulturalElement, CulturalFinding
from tower.errors import ConflictError, NotFoundError
from tower.pages import PageRequest
from tower.story import glossary, projects
from tower.story.glossary import CheckInput

BELL = {
    "name": "bell",
    "category": "object",
    "triggers": ["bell", "鐘"],
    "rule": "It is rung once.",
    "violations": ["rung twice", "二度"],
}


@pytest.fixture
def project_id(session: Session) -> int:
    return projects.create_project(session, {"name": "One"}, {}).id


def add_own_element(session: Session, project_id: int, **columns: Any) -> CulturalElement:
    return glossary.add_element(session, project_id, {**BELL, **columns})


def findings(session: Session, text: str, project_id: int | None = None) -> dict[str | None, CulturalFinding]:
    rows = glossary.check_text(session, CheckInput(CheckedKind.PROMPT, text, project_id=project_id))
    assert len({row.check_id for row in rows}) == 1
    return {row.element_name: row.finding for row in rows}


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("the bell is rung twice", CulturalFinding.BROKEN),
        ("Bells. They are RUNG TWICE", CulturalFinding.BROKEN),
        ("the bell is never rung twice", CulturalFinding.UNCLEAR),
        ("an old bell", CulturalFinding.FOLLOWED),
        ("鐘が二度鳴る", CulturalFinding.BROKEN),
    ],
)
def test_a_text_that_mentions_an_element_is_judged_by_its_rule(
    session: Session, project_id: int, text: str, finding: CulturalFinding
) -> None:
    add_own_element(session, project_id)
    assert findings(session, text, project_id)["bell"] == finding


@pytest.mark.parametrize("text", ["rung twice", "a bellboy", "doorbells rung twice"])
def test_a_text_that_does_not_mention_an_element_is_not_judged(session: Session, project_id: int, text: str) -> None:
    add_own_element(session, project_id)
    assert findings(session, text, project_id) == {None: CulturalFinding.NOTHING}


def test_a_projects_own_element_replaces_the_built_in_one_with_its_name(session: Session, project_id: int) -> None:
    wrong = "a kimono, right over left"
    assert findings(session, wrong, project_id)["kimono"] == CulturalFinding.BROKEN
    add_own_element(session, project_id, name="Kimono", triggers=["kimono"], violations=["of paper"])
    assert findings(session, wrong, project_id) == {"Kimono": CulturalFinding.FOLLOWED}
    assert findings(session, wrong)["kimono"] == CulturalFinding.BROKEN


def test_a_name_is_unique_within_a_project_ignoring_case(session: Session, project_id: int) -> None:
    bell, drum = add_own_element(session, project_id), add_own_element(session, project_id, name="drum")
    with pytest.raises(ConflictError, match="BELL"):
        add_own_element(session, project_id, name="BELL")
    with pytest.raises(ConflictError):
        glossary.change_element(session, drum, {"name": "Bell"})
    assert glossary.change_element(session, bell, {"name": "Bell", "advice": "Once."}).advice == "Once."


def test_built_in_elements_cannot_be_changed_or_deleted(session: Session) -> None:
    built_in = glossary.list_elements(session, None, PageRequest()).rows[0]
    with pytest.raises(ConflictError, match="comes with Tower"):
        glossary.change_element(session, built_in, {"rule": "x"})
    with pytest.raises(ConflictError, match="comes with Tower"):
        glossary.delete_element(session, built_in)


def test_findings_outlive_their_element(session: Session, project_id: int) -> None:
    bell = add_own_element(session, project_id)
    findings(session, "the bell is rung twice", project_id)
    glossary.delete_element(session, bell)
    page = glossary.list_findings(
        session, project_id, scene_key=None, finding=CulturalFinding.BROKEN, check_id=None, page_request=PageRequest()
    )
    session.expire_all()
    assert [(row.element_name, row.element_id) for row in page.rows] == [("bell", None)]
    with pytest.raises(NotFoundError):
        glossary.find_element(session, 2**40)


def test_a_deleted_project_has_no_glossary(session: Session, project_id: int) -> None:
    bell = add_own_element(session, project_id)
    projects.delete_project(session, project_id)
    for look in (
        lambda: glossary.find_element(session, bell.id),
        lambda: glossary.list_elements(session, project_id, PageRequest()),
    ):
        with pytest.raises(NotFoundError):
            look()
