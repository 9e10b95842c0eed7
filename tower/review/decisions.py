"""Record creative decisions: their content, author and reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.review import CreativeDecision, DecisionKind
from tower.pages import Page, Wanted, page_of
from tower.versions.refs import project_exists


@dataclass(frozen=True)
class Decision:
    """A creative decision.

    decision: one sentence.
    details: the alternatives and other data, as JSON.
    commit_id, asset_id, log_id: the commit, take or command that it is about.
    """

    kind: DecisionKind
    decision: str
    decided_by: str
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    commit_id: int | None = None
    asset_id: int | None = None
    log_id: int | None = None


def record(session: Session, project_id: int, made: Decision) -> CreativeDecision:
    row = CreativeDecision(
        project_id=project_id,
        kind=made.kind,
        decision=made.decision,
        decided_by=made.decided_by,
        reason=made.reason,
        details=dict(made.details),
        commit_id=made.commit_id,
        asset_id=made.asset_id,
        log_id=made.log_id,
    )
    session.add(row)
    session.flush()
    return row


def page(
    session: Session, project_id: int, *, kind: DecisionKind | None, asset_id: int | None, wanted: Wanted
) -> Page[CreativeDecision]:
    """List decisions, newest first. Raises NotFoundError for an unknown project."""
    project_exists(session, project_id)
    rows = select(CreativeDecision).where(CreativeDecision.project_id == project_id)
    if kind is not None:
        rows = rows.where(CreativeDecision.kind == kind)
    if asset_id is not None:
        rows = rows.where(CreativeDecision.asset_id == asset_id)
    return page_of(session, rows, CreativeDecision.id, wanted=wanted, newest_first=True)
