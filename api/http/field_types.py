"""Field types that several requests share."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator, AliasChoices, Field, GetJsonSchemaHandler, StringConstraints
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from api.http.paging import MAX_ID
from api.http.strict_routes import Body
from tower.engines.installed import BUNDLED_ENGINES, format_engine_names, installed_engines
from tower.errors import InvalidError
from tower.names import NameValidator
from tower.settings import AUTO_ENGINE
from tower.versions.branches import MAIN
from tower.versions.values import canonicalise


class _NamesOfEngines:
    """Lists the installed engines in OpenAPI."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "enum": [AUTO_ENGINE, *installed_engines().entries]}


def _declared_engine(name: str) -> str:
    """Accepts engines that are declared but cannot be loaded: opening the job refuses them with the reason."""
    if name not in (AUTO_ENGINE, *installed_engines().entries, *installed_engines().broken, *BUNDLED_ENGINES):
        raise ValueError(format_engine_names())
    return name


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("text without the character NUL")
    return text


def _open_value(value: Any) -> Any:
    try:
        return canonicalise(value, "value")
    except InvalidError as error:
        raise ValueError(error.message) from None


StorableText = Annotated[str, AfterValidator(_storable)]  # for queries and paths; in bodies the frame refuses NUL
EngineChoice = Annotated[str, AfterValidator(_declared_engine), _NamesOfEngines()]
RowId = Annotated[int, Field(ge=1, le=MAX_ID)]
IdOrKey = RowId | Annotated[uuid.UUID, Field(strict=False)]
Name = Annotated[str, NameValidator, StringConstraints(min_length=1, max_length=100)]
Title = Annotated[str, NameValidator, StringConstraints(min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(max_length=20_000)]
Message = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
BranchName = Annotated[str, NameValidator, StringConstraints(min_length=1, max_length=200)]
OpenObject = Annotated[dict[str, Any], AfterValidator(_open_value)]
OpenList = Annotated[list[Any], AfterValidator(_open_value)]

ProjectQuery = Annotated[int, Query(ge=1, le=MAX_ID)]
BranchQuery = Annotated[
    StorableText | None, Query(min_length=1, max_length=200, description=f"The branch to read; by default `{MAIN}`.")
]
AtQuery = Annotated[
    StorableText | None,
    Query(min_length=1, max_length=200, description="A commit or tag: answers the state at that commit."),
]


class EditFields(Body):
    """The branch and the message of an edit's commit."""

    branch_name: BranchName | None = Field(
        None, validation_alias=AliasChoices("branch_name", "branch"), examples=[MAIN], description="Also `branch`."
    )
    message: Message | None = Field(
        None, examples=["Moved to dawn"], description="Commit message; generated if left out."
    )

    @property
    def commit_message(self) -> str | None:
        """The message of the commit; None for a generated one."""
        return self.message

    def sent_fields(self) -> dict[str, Any]:
        """The content that was sent: without project, branch and message."""
        return self.model_dump(exclude_unset=True, exclude={*EditFields.model_fields, "project_id"})
