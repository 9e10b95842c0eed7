"""What a creator likes: set by hand, kept beside what was learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.preferences import PreferenceSource, UserCreativePreference
from tower.errors import NotFoundError
from tower.pages import Page, Wanted, page_of
from tower.versions.refs import project_exists

NAMED_BY = ("user_name", "project_id", "kind", "name", "source")


def put(
    session: Session, user: str, preference: Mapping[str, Any], *, kind: str, name: str, project_id: int | None
) -> UserCreativePreference:
    """Set what to choose for the `name` of a `kind`, in a project or in all. Raises NotFoundError."""
    if project_id is not None:
        project_exists(session, project_id)
    named = dict(zip(NAMED_BY, (user, project_id, kind, name, PreferenceSource.SET), strict=True))
    changed = {"preference": dict(preference), "updated_at": func.now()}
    row = insert(UserCreativePreference).values(**named, **changed)
    kept_id = session.scalar(
        row.on_conflict_do_update(index_elements=NAMED_BY, set_=changed).returning(UserCreativePreference.id)
    )
    kept = select(UserCreativePreference).where(UserCreativePreference.id == kept_id)
    return session.scalars(kept.execution_options(populate_existing=True)).one()


def page(
    session: Session, user: str, *, project_id: int | None, kind: str | None, wanted: Wanted
) -> Page[UserCreativePreference]:
    """The user's own, by id. Raises NotFoundError for an unknown project."""
    rows = select(UserCreativePreference).where(UserCreativePreference.user_name == user)
    if project_id is not None:
        project_exists(session, project_id)
        rows = rows.where(UserCreativePreference.project_id == project_id)
    if kind is not None:
        rows = rows.where(UserCreativePreference.kind == kind)
    return page_of(session, rows, UserCreativePreference.id, wanted=wanted)


def delete(session: Session, user: str, preference_id: int) -> None:
    """Raises NotFoundError, for a preference of someone else too."""
    row = session.get(UserCreativePreference, preference_id)
    if row is None or row.user_name != user:
        raise NotFoundError(f"There is no preference {preference_id}")
    session.delete(row)
    session.flush()
