"""Record creative decisions: their content, author and reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.review import CreativeDecision, DecisionKind
from tower.pages import Page, PageRequest, fetch_page
from tower.versions.refs import check_project_exists


@dataclass(frozen=True)
class DecisionInput:
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


def record_decision(session: Session, project_id: int, decision: DecisionInput) -> CreativeDecision:
    row = CreativeDecision(
        project_id=project_id,
        kind=decision.kind,
        decision=decision.decision,
        decided_by=decision.decided_by,
        reason=decision.reason,
        details=dict(decision.details),
        commit_id=decision.commit_id,
        asset_id=decision.asset_id,
        log_id=decision.log_id,
    )
    session.add(row)
    session.flush()
    return row


def list_decisions(
    session: Session, project_id: int, *, kind: DecisionKind | None, asset_id: int | None, page_request: PageRequest
) -> Page[CreativeDecision]:
    """List decisions, newest first. Raises NotFoundError for an unknown project."""
    check_project_exists(session, project_id)
    rows = select(CreativeDecision).where(CreativeDecision.project_id == project_id)
    if kind is not None:
        rows = rows.where(CreativeDecision.kind == kind)
    if asset_id is not None:
        rows = rows.where(CreativeDecision.asset_id == asset_id)
    return fetch_page(session, rows, CreativeDecision.id, page=page_request, newest_first=True)
