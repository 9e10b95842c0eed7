"""The answer for a scene whose accepted take is stale, which several services give."""

from __future__ import annotations

import uuid
from typing import Any, Self

from pydantic import BaseModel, Field

from db.models.jobs import ProductionJob
from tower.staleness.report import StaleScene


class StaleReason(BaseModel):
    """A value that has changed since the take was made; null if it did not exist. Files are given as sha256."""

    kind: str = Field(examples=["characters"], description="scene, characters, style, production, model, workflow, …")
    name: str | None = Field(examples=["Kai Nakamura"])
    field: str = Field(examples=["visual_traits/coat"])
    was: Any = Field(examples=["black"])
    now: Any = Field(examples=["red"])


class StaleSceneAnswer(BaseModel):
    scene_id: int
    key: uuid.UUID
    scene_number: int
    title: str | None
    accepted_asset_id: int | None = Field(description="The stale take; null if its file was deleted.")
    accepted_fingerprint: str | None
    fingerprint: str = Field(description="The current fingerprint of the scene.")
    reasons: list[StaleReason]
    job_id: int | None = Field(description="The job that renders the scene now, if any.")

    @classmethod
    def of(cls, found: StaleScene, job: ProductionJob | None) -> Self:
        scene = found.scene
        same = ("key", "scene_number", "title", "accepted_asset_id", "accepted_fingerprint")
        fields: dict[str, Any] = {name: getattr(scene, name) for name in same}
        reasons = [StaleReason.model_validate(vars(reason)) for reason in found.reasons]
        job_id = None if job is None else job.id
        return cls(**fields, scene_id=scene.id, fingerprint=found.fingerprint, reasons=reasons, job_id=job_id)
