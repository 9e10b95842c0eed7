"""The inputs that the scenes of a branch are rendered from, read once for all scenes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import ARRAY, UUID, any_, bindparam, or_, select
from sqlalchemy.orm import Session, load_only

from db.models.characters import Character
from db.models.learning import LearningModel
from db.models.projects import ProjectSettings
from db.models.styles import StyleTemplate
from tower.errors import NotFoundError
from tower.jobs.production import Production, decide_base
from tower.names import name_key
from tower.presets.defaults import load_defaults
from tower.workflows import store
from tower.workflows.graph import WorkflowGraph

T = TypeVar("T")
_CHARACTERS_BY_KEY = (
    select(Character)
    .where(Character.branch_id == bindparam("branch_id"))
    .where(Character.key == any_(bindparam("keys", type_=ARRAY(UUID()))))
    .options(
        load_only(  # only the columns that a render uses: the stories of a character are long
            Character.project_id,
            Character.key,
            Character.name,
            Character.version,
            Character.description,
            Character.visual_description,
            Character.visual_traits,
            Character.image_path,
            Character.comfyui_workflow,
            Character.seed,
        )
    )
)


class SceneView(Protocol):
    """The columns of a scene that its render depends on."""

    @property
    def id(self) -> int: ...
    @property
    def project_id(self) -> int: ...
    @property
    def key(self) -> uuid.UUID: ...
    @property
    def scene_number(self) -> int: ...
    @property
    def description(self) -> str: ...
    @property
    def location(self) -> str | None: ...
    @property
    def mood(self) -> str | None: ...
    @property
    def camera(self) -> str | None: ...
    @property
    def scene_type(self) -> str | None: ...
    @property
    def style(self) -> str | None: ...
    @property
    def duration_s(self) -> float | None: ...
    @property
    def characters(self) -> list[Any]: ...
    @property
    def dialogue(self) -> list[Any]: ...


@dataclass(frozen=True)
class RenderInputs:
    """The current inputs: characters by key, styles by lower-case name, the sha256 of model files by name.

    `base`: the production settings of scenes that set none.
    """

    session: Session
    base: Production
    characters: dict[str, Character]
    styles: dict[str, StyleTemplate]
    model_files: dict[str, str]
    _cache: dict[Hashable, Any] = field(default_factory=dict)

    def cached(self, key: Hashable, build: Callable[[], T]) -> T:
        """Build a value that several scenes share, once. Callers must not change it."""
        if key not in self._cache:
            self._cache[key] = build()
        return cast(T, self._cache[key])

    def style(self, name: str) -> StyleTemplate | None:
        """The style of the branch, or else the built-in one; None if neither has the name."""
        return self.styles.get(name_key(name))

    def graph(self, name: str) -> WorkflowGraph | None:
        """The current version of the workflow; None if no workflow has the name."""
        return self.cached(("graph", name), lambda: self._read_graph(name))

    def _read_graph(self, name: str) -> WorkflowGraph | None:
        try:
            return store.get_workflow(self.session, name)
        except NotFoundError:
            return None


def load_render_inputs(session: Session, branch_id: int, project_id: int, scenes: Iterable[SceneView]) -> RenderInputs:
    """Read the inputs of scenes of one branch."""
    return RenderInputs(
        session,
        decide_base(session.get(ProjectSettings, project_id), load_defaults(session)),
        _read_characters(session, branch_id, scenes),
        _read_styles(session, branch_id),
        _read_model_files(session),
    )


def _read_characters(session: Session, branch_id: int, scenes: Iterable[SceneView]) -> dict[str, Character]:
    keys = {character["key"] for scene in scenes for character in scene.characters if character["key"]}
    if not keys:
        return {}
    rows = session.scalars(_CHARACTERS_BY_KEY, {"branch_id": branch_id, "keys": [uuid.UUID(key) for key in keys]})
    return {str(row.key): row for row in rows}


def _read_styles(session: Session, branch_id: int) -> dict[str, StyleTemplate]:
    visible = or_(StyleTemplate.branch_id.is_(None), StyleTemplate.branch_id == branch_id)
    rows = session.scalars(select(StyleTemplate).where(visible).order_by(StyleTemplate.branch_id.nulls_first()))
    return {name_key(row.name): row for row in rows}


def _read_model_files(session: Session) -> dict[str, str]:
    """The sha256 of the hashed files by name; of a file on several machines, the hash that was seen last."""
    hashed = select(LearningModel.name, LearningModel.sha256).where(
        LearningModel.sha256.is_not(None), LearningModel.missing_since.is_(None)
    )
    return {name: str(sha256) for name, sha256 in session.execute(hashed.order_by(LearningModel.seen_at))}
