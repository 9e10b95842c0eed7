"""Jobs that tests open and claim, and the files that complete them."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from db.models.jobs import JobType, ProductionJob
from db.models.rendering import Asset, AssetKind
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec


def create_job(session: Session, **fields: object) -> ProductionJob:
    spec = GenerationSpec.model_validate({"prompt": "a shrine at dawn", **fields})
    return lifecycle.open_job(session, spec, job_type=JobType.STANDARD)


def start_attempt(session: Session, job: ProductionJob, run: uuid.UUID | None = None) -> Attempt:
    return attempts.claim_job(session, job.id, flow_run_id=run or uuid.uuid4(), timeout_s=60)


def create_asset(session: Session, job_id: int | None) -> Asset:
    asset = Asset(
        kind=AssetKind.VIDEO,
        path="/renders/aa/clip.mp4",
        sha256="a" * 64,
        bytes=1,
        probe={},
        provenance={"engine": "animatic"},
        job_id=job_id,
    )
    session.add(asset)
    session.flush()
    return asset
