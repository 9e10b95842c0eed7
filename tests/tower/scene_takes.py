"""Scenes with takes. Jobs run to accepted takes as in the recipes, with a small file as the video."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.jobs import JobStatus, ProductionJob, QualityMetrics
from db.models.rendering import Asset, AssetKind, RenderSegment, SegmentState
from db.models.scenes import Scene
from db.models.versions import Branch
from tests.tower.versions.story import VersionedStory
from tower.engines.comfyui.servers import ComfyUIServers
from tower.jobs import attempts, lifecycle
from tower.rendering import segments
from tower.rendering.engine_choice import choose_for_pool
from tower.rendering.segments import SegmentPlan
from tower.rendering.studio import Studio
from tower.review.acceptance import AcceptanceResult, accept_take
from tower.settings import Settings
from tower.shots import prompts
from tower.shots.planning import plan_shot
from tower.shots.scene_jobs import find_job_style, open_scene_job, read_job_cast
from tower.shots.script_writing import write_script
from tower.staleness import report
from tower.staleness.reasons import StalenessReason
from tower.versions.kinds import Kind

ANIMATIC_SETTINGS = Settings(database_url="postgresql://nowhere/nothing", engine="auto", comfyui_url=None)
ANIMATIC_STUDIO = Studio(ANIMATIC_SETTINGS, ComfyUIServers())


@dataclass(frozen=True)
class SceneStage:
    """Renders the scenes of a story. Files go to `folder`."""

    story: VersionedStory
    folder: Path
    settings: Settings = field(default_factory=lambda: ANIMATIC_SETTINGS)

    @property
    def session(self) -> Session:
        return self.story.session

    def find_scene(self, key: uuid.UUID, branch: str = "main") -> Scene:
        row = self.story.find_row(Kind.SCENES, key, branch)
        assert isinstance(row, Scene)
        return row

    def find_branch(self, name: str = "main") -> Branch:
        query = select(Branch).where(Branch.project_id == self.story.project_id, Branch.name == name)
        return self.session.scalars(query).one()

    def open_job(self, key: uuid.UUID, branch: str = "main", **overrides: Any) -> ProductionJob:
        return open_scene_job(self.session, self.find_scene(key, branch), settings=self.settings, **overrides)

    def plan_segment(self, job: ProductionJob) -> SegmentPlan:
        """The segment plan that an engine receives."""
        cast, spec = read_job_cast(job), lifecycle.parse_spec(job)
        style = find_job_style(self.session, job)
        words = prompts.build_prompt(spec, cast, style, seed=job.seed)
        engine = choose_for_pool(self.session, spec.engine, self.settings)
        [plan] = plan_shot(write_script(self.session, job, cast, words, style=style, engine=engine), engine)
        return plan

    def render_take(self, job: ProductionJob) -> tuple[Asset, bool]:
        """Return the take of the job, and whether an engine had to render it."""
        attempt = attempts.claim_job(self.session, job.id, flow_run_id=None, timeout_s=60)
        row = segments.open_segment(self.session, attempt, self.plan_segment(job))
        is_new = row.state != SegmentState.COMPLETED
        if is_new:
            self._draw(job, row)
            self.session.refresh(row)
        return self.session.get_one(Asset, row.asset_id), is_new

    def accept_and_complete(self, job: ProductionJob, take: Asset, *, passed: bool = True) -> AcceptanceResult:
        """Judge, accept and complete, as the last step of a recipe does."""
        self.session.merge(QualityMetrics(job_id=job.id, score=8.0 if passed else 2.0, passed=passed, metrics=[]))
        self.session.flush()
        outcome = accept_take(self.session, job, take, settings=self.settings)
        attempt = attempts.Attempt(job.id, job.attempt)
        attempts.complete_job(self.session, attempt, asset=take, score=8.0 if passed else 2.0)
        self.session.refresh(job)
        assert job.status == JobStatus.COMPLETED
        return outcome

    def render_and_accept(self, key: uuid.UUID, branch: str = "main", **overrides: Any) -> Asset:
        """Render the scene and accept its take."""
        job = self.open_job(key, branch, **overrides)
        take, _ = self.render_take(job)
        assert self.accept_and_complete(job, take).accepted
        return take

    def find_stale(
        self, branch: str = "main", settings: Settings | None = None
    ) -> dict[uuid.UUID, list[StalenessReason]]:
        """The stale scenes with their reasons, by key."""
        branch_report = report.report_branch(self.session, self.find_branch(branch), settings or self.settings)
        return {state.scene.key: list(state.reasons) for state in branch_report.stale}

    def _draw(self, job: ProductionJob, row: RenderSegment) -> None:
        """Act as a gpu worker. The file contains the fingerprint instead of a video."""
        run_id = uuid.uuid4()
        segments.claim_segment(self.session, row.id, flow_run_id=run_id, worker="tests", process="tests:1")
        content = row.fingerprint.encode()
        path = self.folder / f"{row.fingerprint}.mp4"
        path.write_bytes(content)
        version = choose_for_pool(self.session, lifecycle.parse_spec(job).engine, self.settings).version
        asset = Asset(
            kind=AssetKind.VIDEO,
            path=str(path),
            sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
            probe={"frames": row.shot["frames"]},
            provenance={"engine": row.engine, "engine_version": version, "shot": row.shot},
            project_id=job.project_id,
            job_id=job.id,
        )
        self.session.add(asset)
        self.session.flush()
        segments.complete_segment(self.session, row.id, asset=asset, engine_version=version)


def use_comfyui(stage: SceneStage) -> SceneStage:
    return replace(stage, settings=stage.settings.model_copy(update={"comfyui_url": "http://127.0.0.1:1"}))
