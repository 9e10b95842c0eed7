"""The glossary of cultural elements, and checks of a text against its rules.

A check compares words only. A text that mentions an element without any words that break its rule follows the rule. If
the text negates those words ("no swimsuit"), the result is unclear and a person should check it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from db.models.culture import CheckedKind, CulturalElement, CulturalFinding, CulturalValidation
from db.models.jobs import ProductionJob
from db.models.projects import Project
from db.models.scenes import Scene
from tower.errors import ConflictError, NotFoundError
from tower.names import name_key
from tower.pages import Page, PageRequest, fetch_page
from tower.versions.refs import check_project_exists

NEGATION_PATTERN = re.compile(r"\b(no|not|never|without|isn't|aren't|non)\W+(\w+\W+){0,2}$")


@dataclass(frozen=True)
class CheckInput:
    """A text to check, and the project, scene or job that it belongs to."""

    kind: CheckedKind
    text: str
    project_id: int | None = None
    scene_key: uuid.UUID | None = None
    job_id: int | None = None


def list_elements(session: Session, project_id: int | None, page_request: PageRequest) -> Page[CulturalElement]:
    """List the built-in elements and those of the project. Raises NotFoundError for an unknown project."""
    return fetch_page(
        session,
        select(CulturalElement).where(_visible_elements(session, project_id)),
        CulturalElement.id,
        page=page_request,
    )


def find_element(session: Session, element_id: int, *, lock: bool = False) -> CulturalElement:
    """Return an element, locked with `lock`. Raises NotFoundError, also for one of a deleted project."""
    element = session.get(CulturalElement, element_id, with_for_update=lock or None, populate_existing=True)
    if element is None:
        raise NotFoundError(f"There is no cultural element {element_id}")
    if element.project_id is not None:
        check_project_exists(session, element.project_id)
    return element


def add_element(session: Session, project_id: int, columns: Mapping[str, Any]) -> CulturalElement:
    """Add an element to a project. It replaces a built-in element of the same name.

    Raises NotFoundError for an unknown project, ConflictError if the project has an element of this name.
    """
    check_project_exists(session, project_id)
    _check_name_free(session, project_id, columns["name"], other_than=None)
    element = CulturalElement(project_id=project_id, **columns)
    session.add(element)
    session.flush()
    session.refresh(element)
    return element


def change_element(session: Session, element: CulturalElement, columns: Mapping[str, Any]) -> CulturalElement:
    """Change an element. Raises ConflictError for a built-in element and for a name that is taken."""
    if "name" in columns:
        _check_name_free(session, _require_project(element), columns["name"], other_than=element.id)
    _require_project(element)
    for name, value in columns.items():
        setattr(element, name, value)
    session.flush()
    session.refresh(element)
    return element


def delete_element(session: Session, element: CulturalElement) -> None:
    """Delete an element; its findings stay. Raises ConflictError for a built-in element."""
    _require_project(element)
    session.delete(element)
    session.flush()


def check_text(session: Session, subject: CheckInput) -> list[CulturalValidation]:
    """Check a text against the glossary and save the findings.

    Saves one row for each element that the text mentions, or a single row with Finding.NOTHING.
    Raises NotFoundError for an unknown project.
    """
    check_id = uuid.uuid4()
    judged = (_judge(element, subject.text) for element in _load_elements(session, subject.project_id))
    found = [columns for columns in judged if columns is not None]
    rows = [
        CulturalValidation(
            check_id=check_id,
            project_id=subject.project_id,
            kind=subject.kind,
            scene_key=subject.scene_key,
            job_id=subject.job_id,
            text=subject.text,
            **columns,
        )
        for columns in found or [{"finding": CulturalFinding.NOTHING}]
    ]
    session.add_all(rows)
    session.flush()
    for row in rows:
        session.refresh(row)
    return rows


def check_prompt(session: Session, job: ProductionJob, prompt: str) -> list[str]:
    """Check the prompt of a generation and save the findings. Returns a sentence for each broken or unclear rule.

    If the project has been deleted in the meantime, only the built-in elements apply.
    """
    project = None if job.project_id is None else session.get(Project, job.project_id)
    project_id = project.id if project is not None and project.deleted_at is None else None
    found = check_text(session, CheckInput(CheckedKind.PROMPT, prompt, project_id, job_id=job.id))
    return [f"Culture, {row.element_name}: {row.message}" for row in found if row.message]


def list_findings(
    session: Session,
    project_id: int,
    *,
    scene_key: uuid.UUID | None,
    finding: CulturalFinding | None,
    check_id: uuid.UUID | None,
    page_request: PageRequest,
) -> Page[CulturalValidation]:
    """List the findings of a project, newest first. Raises NotFoundError."""
    check_project_exists(session, project_id)
    rows = select(CulturalValidation).where(CulturalValidation.project_id == project_id)
    if scene_key is not None:
        rows = rows.where(CulturalValidation.scene_key == scene_key)
    if finding is not None:
        rows = rows.where(CulturalValidation.finding == finding)
    if check_id is not None:
        rows = rows.where(CulturalValidation.check_id == check_id)
    return fetch_page(session, rows, CulturalValidation.id, page=page_request, newest_first=True)


def scene_text(scene: Scene) -> str:
    """Return all text of a scene."""
    lines = [f"{line.get('character') or ''}: {line.get('line', '')}" for line in scene.dialogue]
    parts = (scene.title, scene.description, scene.location, scene.mood, scene.camera, *lines)
    return "\n".join(part for part in parts if part)


def _load_elements(session: Session, project_id: int | None) -> Sequence[CulturalElement]:
    """Return the elements that apply; a project's own element hides a built-in one of the same name."""
    rows = session.scalars(
        select(CulturalElement)
        .where(_visible_elements(session, project_id))
        .order_by(CulturalElement.project_id.nulls_first(), CulturalElement.id)
    )
    return list({name_key(row.name): row for row in rows}.values())


def _visible_elements(session: Session, project_id: int | None) -> ColumnElement[bool]:
    if project_id is None:
        return CulturalElement.project_id.is_(None)
    check_project_exists(session, project_id)
    return or_(CulturalElement.project_id.is_(None), CulturalElement.project_id == project_id)


def _judge(element: CulturalElement, text: str) -> dict[str, Any] | None:
    """Return the columns of a finding, or None if the text does not mention the element."""
    lower = text.lower()
    if not any(_find_positions(word, lower) for word in element.triggers):
        return None
    named = {"element_id": element.id, "element_name": element.name}
    breaking = [(word, position) for word in element.violations for position in _find_positions(word, lower)]
    if not breaking:
        return named | {"finding": CulturalFinding.FOLLOWED}
    plain = [word for word, position in breaking if not NEGATION_PATTERN.search(lower[:position])]
    advice = f" {element.advice}" if element.advice else ""
    if plain:
        message = f"{element.rule} The text says “{plain[0]}”.{advice}"
        return named | {"finding": CulturalFinding.BROKEN, "severity": element.severity, "message": message}
    message = f"{element.rule} The text seems to negate “{breaking[0][0]}”: please check it.{advice}"
    return named | {"finding": CulturalFinding.UNCLEAR, "severity": element.severity, "message": message}


def _find_positions(word: str, lower: str) -> list[int]:
    """Return the positions of a word or phrase: ASCII ones as whole words or their plural, others anywhere."""
    wanted = re.escape(word.lower())
    pattern = rf"(?<![a-z0-9]){wanted}(?:e?s)?(?![a-z0-9])" if word.isascii() else wanted
    return [match.start() for match in re.finditer(pattern, lower)]


def _require_project(element: CulturalElement) -> int:
    if element.project_id is None:
        raise ConflictError(
            f"{element.name!r} comes with Tower and cannot be changed: add an element of your own with the same name"
        )
    return element.project_id


def _check_name_free(session: Session, project_id: int, name: str, *, other_than: int | None) -> None:
    names = select(CulturalElement.id, CulturalElement.name).where(CulturalElement.project_id == project_id)
    key = name_key(name)
    if any(name_key(row.name) == key for row in session.execute(names) if row.id != other_than):
        raise ConflictError(f"Project {project_id} already has an element {name!r}: choose another name")
