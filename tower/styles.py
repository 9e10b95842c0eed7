"""Style templates by name."""

from __future__ import annotations

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from db.models.styles import StyleTemplate
from tower.errors import InvalidError


def find_style(session: Session, name: str, *, project_id: int | None) -> StyleTemplate:
    """The project's own template of this name, or else the built-in one. Raises InvalidError that lists the names."""
    visible = or_(StyleTemplate.project_id.is_(None), StyleTemplate.project_id == project_id)
    style = session.scalar(
        select(StyleTemplate)
        .where(visible, func.lower(StyleTemplate.name) == name.lower())
        .order_by(StyleTemplate.project_id.nulls_last())
        .limit(1)
    )
    if style is None:
        known = session.scalars(select(StyleTemplate.name).where(visible).order_by(StyleTemplate.name).distinct())
        raise InvalidError.field("style", name, "one of " + ", ".join(known))
    return style
