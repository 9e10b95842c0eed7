"""What the scenes of a branch are rendered from, read once for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.learning import LearningModel
from db.models.projects import ProjectSettings
from db.models.scenes import Scene
from db.models.styles import StyleTemplate
from tower.configuration import Defaults, defaults
from tower.engines.base import WorkflowGraph
from tower.errors import NotFoundError
from tower.workflows import store

DEFAULT_STYLE = "anime"


@dataclass(frozen=True)
class Sources:
    """As they are now. Characters by key, styles by name in lower case, the sha256 of model files by name."""

    session: Session
    settings: ProjectSettings | None
    defaults: Defaults
    characters: dict[str, Character]
    styles: dict[str, StyleTemplate]
    model_files: dict[str, str]
    _graphs: dict[str, WorkflowGraph | None] = field(default_factory=dict)

    def style_name(self, scene: Scene) -> str:
        """What the scene says, or its project."""
        return scene.style or (self.settings.default_style if self.settings else DEFAULT_STYLE)

    def style(self, name: str) -> StyleTemplate | None:
        """The branch's own, or else the built-in one."""
        return self.styles.get(name.lower())

    def graph(self, name: str) -> WorkflowGraph | None:
        """The present version; None where no workflow is called so."""
        if name not in self._graphs:
            try:
                self._graphs[name] = store.get(self.session, name)
            except NotFoundError:
                self._graphs[name] = None
        return self._graphs[name]


def sources_of(session: Session, branch_id: int, project_id: int, scenes: Iterable[Scene]) -> Sources:
    """Of scenes of one branch."""
    return Sources(
        session,
        session.get(ProjectSettings, project_id),
        defaults(session),
        _characters(session, branch_id, scenes),
        _styles(session, branch_id),
        _model_files(session),
    )


def _characters(session: Session, branch_id: int, scenes: Iterable[Scene]) -> dict[str, Character]:
    keys = {one["key"] for scene in scenes for one in scene.characters if one["key"]}
    if not keys:
        return {}
    rows = session.scalars(select(Character).where(Character.branch_id == branch_id, Character.key.in_(keys)))
    return {str(row.key): row for row in rows}


def _styles(session: Session, branch_id: int) -> dict[str, StyleTemplate]:
    visible = or_(StyleTemplate.branch_id.is_(None), StyleTemplate.branch_id == branch_id)
    rows = session.scalars(select(StyleTemplate).where(visible).order_by(StyleTemplate.branch_id.nulls_first()))
    return {row.name.lower(): row for row in rows}


def _model_files(session: Session) -> dict[str, str]:
    """Those that were hashed; of a file that is on several machines the one seen last."""
    hashed = select(LearningModel.name, LearningModel.sha256).where(
        LearningModel.sha256.is_not(None), LearningModel.missing_since.is_(None)
    )
    return {name: str(sha256) for name, sha256 in session.execute(hashed.order_by(LearningModel.seen_at))}
