"""The cultural glossary: elements with rules, and checks of prompts and scenes against them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from api.errors import error_responses
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.etags import IfMatch, require_match, set_etag
from api.http.field_types import Message, Name, ProjectQuery, RowId, Text
from api.http.paging import Pages
from api.http.strict_routes import Body, strict_router
from db.models.culture import CheckedKind, CulturalElement, CulturalFinding, CulturalValidation, Severity
from db.models.scenes import Scene
from tower.story import entities, glossary
from tower.story.glossary import CheckInput

router = strict_router(prefix="/api/anime", tags=["culture"])

ELEMENT_EXAMPLE: JsonValue = {
    "project_id": 1,
    "name": "shrine bell",
    "category": "object",
    "triggers": ["shrine bell", "鈴"],
    "rule": "The bell is rung once before the prayer.",
    "violations": ["after the prayer"],
}
TriggerWords = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=100)]], Field(min_length=1, max_length=100)
]


class ElementFields(Body):
    native_name: Name | None = Field(None, examples=["着物"])
    description: Text = ""
    violations: Annotated[list[Name], Field(max_length=100)] = Field(
        default_factory=list, description="Words that break the rule if they occur with a trigger."
    )
    severity: Annotated[Severity, Field(strict=False)] = Severity.WARNING
    advice: Message | None = Field(None, description="What to write instead.")
    source: Message | None = Field(None, description="Source of the rule.")


class NewElement(ElementFields):
    model_config = ConfigDict(json_schema_extra={"examples": [ELEMENT_EXAMPLE]})

    project_id: RowId
    name: Name
    category: Name = Field(description="clothing, food, ceremony, …")
    triggers: TriggerWords = Field(description="Words that refer to the element.")
    rule: Message = Field(description="The rule, in one sentence.")


class ElementChange(ElementFields):
    """A field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"severity": "error"}]})

    name: Name = Field(default_factory=str)
    category: Name = Field(default_factory=str)
    triggers: TriggerWords = Field(default_factory=list)
    rule: Message = Field(default_factory=str)


class ElementAnswer(BaseModel):
    id: int
    project_id: int | None = Field(description="Null for a built-in element.")
    name: str
    native_name: str | None
    category: str
    description: str
    triggers: list[Any]
    rule: str
    violations: list[Any]
    severity: Severity
    advice: str | None
    source: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: CulturalElement) -> Self:
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class CulturalCheckRequest(Body):
    """The text to check: a prompt, optionally of a project, or all text of a scene."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"prompt": "Kai in a kimono, right over left"}]})

    prompt: Annotated[str, StringConstraints(min_length=1, max_length=20_000)] | None = None
    project_id: RowId | None = None
    scene_id: RowId | None = None

    @model_validator(mode="after")
    def require_one_text(self) -> Self:
        if (self.prompt is None) == (self.scene_id is None):
            raise ValueError("either prompt or scene_id")
        if self.scene_id is not None and self.project_id is not None:
            raise ValueError("no project_id with scene_id, because a scene has its own project")
        return self


class CulturalFindingAnswer(BaseModel):
    """The result of a check for one element.

    `followed`: the text names the element and does not break its rule. `nothing`: the text names no element.
    `unclear`: the text negates a violation.
    """

    id: int
    check_id: uuid.UUID = Field(description="The same for all findings of one check.")
    project_id: int | None
    kind: CheckedKind
    scene_key: uuid.UUID | None
    job_id: int | None
    text: str
    element_id: int | None
    element_name: str | None
    finding: CulturalFinding
    severity: Severity | None
    message: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: CulturalValidation) -> Self:
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class DeletedElement(BaseModel):
    id: int


@router.get("/cultural-elements", responses=error_responses(404))
def list_cultural_elements(
    session: ReadingSession, pages: Pages, project_id: ProjectQuery | None = None
) -> list[ElementAnswer]:
    """The built-in glossary, and with `project_id` the project's own elements too."""
    return pages.answer(glossary.list_elements(session, project_id, pages.page_request), ElementAnswer.of)


@router.get("/cultural-elements/{element_id}", responses=error_responses(404))
def get_cultural_element(element_id: RowId, session: ReadingSession, response: Response) -> ElementAnswer:
    """An element with its rule."""
    answer = ElementAnswer.of(glossary.find_element(session, element_id))
    set_etag(response, answer)
    return answer


@router.post("/cultural-elements", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def add_cultural_element(body: NewElement, session: DatabaseSession, response: Response) -> ElementAnswer:
    """Add an element to a project. It replaces a built-in element of the same name there."""
    with session.begin():
        answer = ElementAnswer.of(
            glossary.add_element(session, body.project_id, body.model_dump(exclude={"project_id"}))
        )
    set_etag(response, answer)
    return answer


@router.put("/cultural-elements/{element_id}", responses=error_responses(400, 404, 409, 412, 413, 415))
def change_cultural_element(
    element_id: RowId,
    body: ElementChange,
    session: DatabaseSession,
    *,
    response: Response,
    if_match: IfMatch = None,
) -> ElementAnswer:
    """Change fields of a project's own element."""
    with session.begin():
        element = glossary.find_element(session, element_id, lock=True)
        require_match(if_match, ElementAnswer.of(element))
        answer = ElementAnswer.of(glossary.change_element(session, element, body.model_dump(exclude_unset=True)))
    set_etag(response, answer)
    return answer


@router.delete("/cultural-elements/{element_id}", responses=error_responses(404, 409))
def delete_cultural_element(element_id: RowId, session: DatabaseSession) -> DeletedElement:
    """Delete a project's own element. Earlier findings stay."""
    with session.begin():
        glossary.delete_element(session, glossary.find_element(session, element_id))
    return DeletedElement(id=element_id)


@router.post("/cultural-validations", status_code=201, responses=error_responses(400, 404, 413, 415))
def check_culture(body: CulturalCheckRequest, session: DatabaseSession) -> list[CulturalFindingAnswer]:
    """Check a prompt or a scene against the glossary, and store the findings."""
    with session.begin():
        checked = CheckInput(CheckedKind.PROMPT, body.prompt or "", body.project_id)
        if body.scene_id is not None:
            scene = entities.find_entity(session, Scene, body.scene_id)
            text = glossary.scene_text(scene.row)
            checked = CheckInput(CheckedKind.SCENE, text, scene.project_id, scene_key=scene.row.key)
        return [CulturalFindingAnswer.of(row) for row in glossary.check_text(session, checked)]


@router.get("/cultural-validations", responses=error_responses(404))
def list_cultural_validations(
    project_id: ProjectQuery,
    session: ReadingSession,
    pages: Pages,
    *,
    scene_key: uuid.UUID | None = None,
    finding: CulturalFinding | None = None,
    check_id: uuid.UUID | None = None,
) -> list[CulturalFindingAnswer]:
    """The findings of checks in a project, newest first."""
    page = glossary.list_findings(
        session, project_id, scene_key=scene_key, finding=finding, check_id=check_id, page_request=pages.page_request
    )
    return pages.answer(page, CulturalFindingAnswer.of)
