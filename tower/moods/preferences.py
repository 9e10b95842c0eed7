"""The preferences that creators set, stored next to the learned ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.preferences import PreferenceSource, UserCreativePreference
from tower.errors import InvalidError, NotFoundError
from tower.names import NameIndex, name_key
from tower.pages import Page, PageRequest, fetch_page
from tower.versions.refs import check_project_exists

MIN_BPM, MAX_BPM = 20.0, 400.0  # BPM that a preference may name
KEY_COLUMNS = ("user_name", "project_id", "kind", "name", "source")  # the unique key of a preference


def set_preference(
    session: Session, user: str, preference: Mapping[str, Any], *, kind: str, name: str, project_id: int | None
) -> UserCreativePreference:
    """Set the preference for a `name` of a `kind`, in one project or in all.

    Raises NotFoundError for an unknown project, and InvalidError for an invalid style, camera or tempo of a mood.
    """
    if kind == "mood":
        _check_mood(preference)
    if project_id is not None:
        check_project_exists(session, project_id)
    same = find_named(session, user, kind=kind, name=name, project_id=project_id)
    if same is not None:
        kind, name = same.kind, same.name
    named = dict(zip(KEY_COLUMNS, (user, project_id, kind, name, PreferenceSource.SET), strict=True))
    changed = {"preference": dict(preference), "updated_at": func.now()}
    row = insert(UserCreativePreference).values(**named, **changed)
    row_id = session.scalar(
        row.on_conflict_do_update(index_elements=KEY_COLUMNS, set_=changed).returning(UserCreativePreference.id)
    )
    saved = select(UserCreativePreference).where(UserCreativePreference.id == row_id)
    return session.scalars(saved.execution_options(populate_existing=True)).one()


def find(session: Session, user: str, preference_id: int) -> UserCreativePreference:
    """Raises NotFoundError, also for a preference of another user."""
    row = session.get(UserCreativePreference, preference_id)
    if row is None or row.user_name != user:
        raise NotFoundError(f"There is no preference {preference_id}")
    return row


def find_named(
    session: Session, user: str, *, kind: str, name: str, project_id: int | None
) -> UserCreativePreference | None:
    """The preference that was set for this name, locked for update; None if there is none."""
    of_user = {"user_name": user, "project_id": project_id, "source": PreferenceSource.SET}
    rows = select(UserCreativePreference).filter_by(**of_user).order_by(UserCreativePreference.id).with_for_update()
    same = [row for row in session.scalars(rows) if name_key(row.kind) == name_key(kind)]
    return NameIndex((row.name, row) for row in same).find(name)


def load_preferences(session: Session, user: str, *, project_id: int | None) -> dict[tuple[str, str], dict[str, Any]]:
    """The preferences of a user by the keys of kind and name. Those of the project override the global ones."""
    rows = session.scalars(
        select(UserCreativePreference)
        .where(
            UserCreativePreference.user_name == user,
            UserCreativePreference.source == PreferenceSource.SET,
            or_(UserCreativePreference.project_id.is_(None), UserCreativePreference.project_id == project_id),
        )
        .order_by(UserCreativePreference.project_id.nulls_first(), UserCreativePreference.id)
    )
    return {(name_key(row.kind), name_key(row.name)): row.preference for row in rows}


def page(
    session: Session, user: str, *, project_id: int | None, kind: str | None, page_request: PageRequest
) -> Page[UserCreativePreference]:
    """A page of the user's preferences, by id. Raises NotFoundError for an unknown project."""
    rows = select(UserCreativePreference).where(UserCreativePreference.user_name == user)
    if project_id is not None:
        check_project_exists(session, project_id)
        rows = rows.where(UserCreativePreference.project_id == project_id)
    if kind is not None:
        rows = rows.where(UserCreativePreference.kind == kind)
    return fetch_page(session, rows, UserCreativePreference.id, page=page_request)


def delete(session: Session, user: str, preference_id: int) -> None:
    """Raises NotFoundError, also for a preference of another user."""
    session.delete(find(session, user, preference_id))
    session.flush()


def _check_mood(preference: Mapping[str, Any]) -> None:
    """Check the fields that Tower uses. Others are free."""
    for field in ("style", "camera"):
        if not isinstance(preference.get(field, ""), str):
            raise InvalidError.field(f"preference.{field}", preference[field], "text")
    tempo = {field: preference[field] for field in ("bpm_min", "bpm_max") if preference.get(field) is not None}
    for field, value in tempo.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and MIN_BPM <= value <= MAX_BPM):
            raise InvalidError.field(f"preference.{field}", value, f"a tempo from {MIN_BPM:g} to {MAX_BPM:g}")
    if tempo.get("bpm_min", MIN_BPM) > tempo.get("bpm_max", MAX_BPM):
        raise InvalidError.field("preference.bpm_min", tempo["bpm_min"], "at most bpm_max")
