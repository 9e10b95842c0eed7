"""The glossary of cultural elements, and checks of a text against its rules.

A check looks at words only: a text that names an element and says nothing against its rule is counted as following
it; one that negates what would break it ("no swimsuit") is unclear, and a person should look.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from db.models.culture import CheckedKind, CulturalElement, CulturalValidation, Finding
from db.models.jobs import ProductionJob
from db.models.projects import Project
from db.models.scenes import Scene
from tower.errors import ConflictError, NotFoundError
from tower.pages import Page, Wanted, page_of
from tower.versions.refs import project_exists

NEGATION = re.compile(r"\b(no|not|never|without|isn't|aren't|non)\W+(\w+\W+){0,2}$")


@dataclass(frozen=True)
class Checked:
    """What is checked, and what it is part of."""

    kind: CheckedKind
    text: str
    project_id: int | None = None
    scene_key: uuid.UUID | None = None
    job_id: int | None = None


def glossary(session: Session, project_id: int | None, wanted: Wanted) -> Page[CulturalElement]:
    """The built-in elements and those of the project. Raises NotFoundError for an unknown project."""
    return page_of(
        session, select(CulturalElement).where(_seen(session, project_id)), CulturalElement.id, wanted=wanted
    )


def find(session: Session, element_id: int, *, to_change: bool = False) -> CulturalElement:
    """Raises NotFoundError, for one of a project in the bin too. `to_change` keeps other writers off it."""
    element = session.get(CulturalElement, element_id, with_for_update=to_change or None, populate_existing=True)
    if element is None:
        raise NotFoundError(f"There is no cultural element {element_id}")
    if element.project_id is not None:
        project_exists(session, element.project_id)
    return element


def add(session: Session, project_id: int, columns: Mapping[str, Any]) -> CulturalElement:
    """An element of the project's own; one that is called like a built-in one takes its place. ConflictError."""
    project_exists(session, project_id)
    _refuse_taken(session, project_id, columns["name"], other_than=None)
    element = CulturalElement(project_id=project_id, **columns)
    session.add(element)
    session.flush()
    session.refresh(element)
    return element


def change(session: Session, element: CulturalElement, columns: Mapping[str, Any]) -> CulturalElement:
    """Raises ConflictError for a built-in one and for a name that is taken."""
    if "name" in columns:
        _refuse_taken(session, _owner(element), columns["name"], other_than=element.id)
    _owner(element)
    for name, value in columns.items():
        setattr(element, name, value)
    session.flush()
    session.refresh(element)
    return element


def delete(session: Session, element: CulturalElement) -> None:
    """What was found with it stays. Raises ConflictError for a built-in one."""
    _owner(element)
    session.delete(element)
    session.flush()


def check(session: Session, what: Checked) -> list[CulturalValidation]:
    """Check a text against the glossary and keep the findings: a row for each element that it touches, or one that
    says it touches none. Raises NotFoundError for an unknown project."""
    check_id = uuid.uuid4()
    judged = (_judged(element, what.text) for element in _rules(session, what.project_id))
    found = [columns for columns in judged if columns is not None]
    rows = [
        CulturalValidation(
            check_id=check_id,
            project_id=what.project_id,
            kind=what.kind,
            scene_key=what.scene_key,
            job_id=what.job_id,
            text=what.text,
            **columns,
        )
        for columns in found or [{"finding": Finding.NOTHING}]
    ]
    session.add_all(rows)
    session.flush()
    for row in rows:
        session.refresh(row)
    return rows


def check_words(session: Session, job: ProductionJob, words: str) -> list[str]:
    """Check what a generation sends to its model, and keep the findings; what breaks a rule or may, in sentences.

    A project that went to the bin meanwhile has no glossary of its own any more.
    """
    project = None if job.project_id is None else session.get(Project, job.project_id)
    project_id = project.id if project is not None and project.deleted_at is None else None
    found = check(session, Checked(CheckedKind.PROMPT, words, project_id, job_id=job.id))
    return [f"Culture, {row.element_name}: {row.message}" for row in found if row.message]


def page(
    session: Session,
    project_id: int,
    *,
    scene_key: uuid.UUID | None,
    finding: Finding | None,
    check_id: uuid.UUID | None,
    wanted: Wanted,
) -> Page[CulturalValidation]:
    """The findings of a project, newest first. Raises NotFoundError."""
    project_exists(session, project_id)
    rows = select(CulturalValidation).where(CulturalValidation.project_id == project_id)
    if scene_key is not None:
        rows = rows.where(CulturalValidation.scene_key == scene_key)
    if finding is not None:
        rows = rows.where(CulturalValidation.finding == finding)
    if check_id is not None:
        rows = rows.where(CulturalValidation.check_id == check_id)
    return page_of(session, rows, CulturalValidation.id, wanted=wanted, newest_first=True)


def text_of(scene: Scene) -> str:
    """All the words of a scene."""
    said = [f"{one.get('character') or ''}: {one.get('line', '')}" for one in scene.dialogue]
    parts = (scene.title, scene.description, scene.location, scene.mood, scene.camera, *said)
    return "\n".join(part for part in parts if part)


def _rules(session: Session, project_id: int | None) -> Sequence[CulturalElement]:
    """A project's own element hides a built-in one of its name."""
    rows = session.scalars(
        select(CulturalElement)
        .where(_seen(session, project_id))
        .order_by(CulturalElement.project_id.nulls_first(), CulturalElement.id)
    )
    return list({row.name.lower(): row for row in rows}.values())


def _seen(session: Session, project_id: int | None) -> ColumnElement[bool]:
    if project_id is None:
        return CulturalElement.project_id.is_(None)
    project_exists(session, project_id)
    return or_(CulturalElement.project_id.is_(None), CulturalElement.project_id == project_id)


def _judged(element: CulturalElement, text: str) -> dict[str, Any] | None:
    """The columns of a finding, or None if the text does not bring the element up."""
    lower = text.lower()
    if not any(_places(word, lower) for word in element.triggers):
        return None
    named = {"element_id": element.id, "element_name": element.name}
    breaking = [(word, at) for word in element.violations for at in _places(word, lower)]
    if not breaking:
        return named | {"finding": Finding.FOLLOWED}
    plain = [word for word, at in breaking if not NEGATION.search(lower[:at])]
    advice = f" {element.advice}" if element.advice else ""
    if plain:
        message = f"{element.rule} The text says “{plain[0]}”.{advice}"
        return named | {"finding": Finding.BROKEN, "severity": element.severity, "message": message}
    message = f"{element.rule} The text speaks of “{breaking[0][0]}”, it seems to deny it: look at it.{advice}"
    return named | {"finding": Finding.UNCLEAR, "severity": element.severity, "message": message}


def _places(word: str, lower: str) -> list[int]:
    """Where a word or phrase stands: whole words where they are parted by spaces, anywhere in scripts that do not."""
    wanted = re.escape(word.lower())
    pattern = rf"(?<![a-z0-9]){wanted}(?:e?s)?(?![a-z0-9])" if word.isascii() else wanted
    return [match.start() for match in re.finditer(pattern, lower)]


def _owner(element: CulturalElement) -> int:
    if element.project_id is None:
        raise ConflictError(f"{element.name} comes with Tower: make an element of your own with its name instead")
    return element.project_id


def _refuse_taken(session: Session, project_id: int, name: str, *, other_than: int | None) -> None:
    same = select(CulturalElement.id).where(
        CulturalElement.project_id == project_id, func.lower(CulturalElement.name) == name.lower()
    )
    if session.scalar(same) not in (None, other_than):
        raise ConflictError(f"Project {project_id} has an element {name!r} already: choose another name")
