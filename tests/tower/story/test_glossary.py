"""The glossary of cultural elements: the built-in ones, a project's own in their place, and what texts do to both."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.culture import CheckedKind, CulturalElement, Finding
from tower.errors import ConflictError, NotFoundError
from tower.pages import Wanted
from tower.story import glossary, projects
from tower.story.glossary import Checked

BELL = {
    "name": "bell",
    "category": "object",
    "triggers": ["bell", "鐘"],
    "rule": "It is rung once.",
    "violations": ["rung twice", "二度"],
}


@pytest.fixture
def project_id(session: Session) -> int:
    return projects.create(session, {"name": "One"}, {}).id


def own(session: Session, project_id: int, **columns: Any) -> CulturalElement:
    return glossary.add(session, project_id, {**BELL, **columns})


def findings(session: Session, text: str, project_id: int | None = None) -> dict[str | None, Finding]:
    rows = glossary.check(session, Checked(CheckedKind.PROMPT, text, project_id=project_id))
    assert len({row.check_id for row in rows}) == 1
    return {row.element_name: row.finding for row in rows}


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("the bell is rung twice", Finding.BROKEN),
        ("Bells. They are RUNG TWICE", Finding.BROKEN),
        ("the bell is never rung twice", Finding.UNCLEAR),
        ("an old bell", Finding.FOLLOWED),
        ("鐘が二度鳴る", Finding.BROKEN),
    ],
)
def test_a_text_that_brings_an_element_up_is_judged_by_its_rule(
    session: Session, project_id: int, text: str, finding: Finding
) -> None:
    own(session, project_id)
    assert findings(session, text, project_id)["bell"] == finding


@pytest.mark.parametrize("text", ["rung twice", "a bellboy", "doorbells rung twice"])
def test_what_does_not_name_the_element_is_not_judged(session: Session, project_id: int, text: str) -> None:
    own(session, project_id)
    assert findings(session, text, project_id) == {None: Finding.NOTHING}


def test_an_element_of_a_project_is_its_own_and_takes_the_place_of_a_built_in_one(
    session: Session, project_id: int
) -> None:
    wrong = "a kimono, right over left"
    assert findings(session, wrong, project_id)["kimono"] == Finding.BROKEN
    own(session, project_id, name="Kimono", triggers=["kimono"], violations=["of paper"])
    assert findings(session, wrong, project_id) == {"Kimono": Finding.FOLLOWED}
    assert findings(session, wrong)["kimono"] == Finding.BROKEN


def test_a_name_is_taken_once_in_a_project_in_any_case(session: Session, project_id: int) -> None:
    bell, drum = own(session, project_id), own(session, project_id, name="drum")
    with pytest.raises(ConflictError, match="BELL"):
        own(session, project_id, name="BELL")
    with pytest.raises(ConflictError):
        glossary.change(session, drum, {"name": "Bell"})
    assert glossary.change(session, bell, {"name": "Bell", "advice": "Once."}).advice == "Once."


def test_built_in_elements_cannot_be_changed_or_deleted(session: Session) -> None:
    built_in = glossary.glossary(session, None, Wanted()).rows[0]
    with pytest.raises(ConflictError, match="comes with Tower"):
        glossary.change(session, built_in, {"rule": "x"})
    with pytest.raises(ConflictError, match="comes with Tower"):
        glossary.delete(session, built_in)


def test_findings_stay_when_their_element_goes(session: Session, project_id: int) -> None:
    bell = own(session, project_id)
    findings(session, "the bell is rung twice", project_id)
    glossary.delete(session, bell)
    page = glossary.page(session, project_id, scene_key=None, finding=Finding.BROKEN, check_id=None, wanted=Wanted())
    session.expire_all()
    assert [(row.element_name, row.element_id) for row in page.rows] == [("bell", None)]
    with pytest.raises(NotFoundError):
        glossary.find(session, 2**40)


def test_a_project_in_the_bin_has_no_glossary(session: Session, project_id: int) -> None:
    bell = own(session, project_id)
    projects.put_in_bin(session, project_id)
    for look in (lambda: glossary.find(session, bell.id), lambda: glossary.glossary(session, project_id, Wanted())):
        with pytest.raises(NotFoundError):
            look()
