"""Which accepted takes are out of date and why, and rendering exactly those again."""

from __future__ import annotations

import uuid
from typing import Any, Literal, Self

from fastapi import Response
from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api.errors import documented
from api.http.dependencies import CurrentSettings, DatabaseSession, ReadingSession, RequestId
from api.http.paging import Pages
from api.http.strict_routes import Body, strict_router
from api.production.dependencies import JobReconciler
from api.production.field_types import BranchName, BranchQuery, EngineChoice
from api.production.generation.bodies import GenerationStarted
from api.production.generation.idempotency import IdempotencyKey, open_once
from api.production.story.projects import ProjectId
from db.models.jobs import ProductionJob
from tower.jobs.analytics import estimate_s
from tower.jobs.lifecycle import spec_of
from tower.jobs.requests import ACCEPTED, Opened, Received
from tower.pages import Page
from tower.settings import Settings
from tower.shots.scene_jobs import head_of, live_jobs
from tower.staleness import report
from tower.staleness.rendering import Live, Rendering, render_stale, scene_ids
from tower.staleness.report import StaleScene
from tower.versions import branches
from tower.versions.branches import MAIN

router = strict_router(prefix="/api/anime/projects/{project_id}", tags=["staleness"])


class StaleReason(BaseModel):
    """One thing that is not as it was when the take was made; null: it was not there. Files are told by sha256."""

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
    accepted_asset_id: int | None = Field(description="The take that is out of date; null: its file was deleted.")
    accepted_fingerprint: str | None
    fingerprint: str = Field(description="Today's.")
    reasons: list[StaleReason]
    job_id: int | None = Field(description="The job that renders it now, if any.")

    @classmethod
    def of(cls, found: StaleScene, job: ProductionJob | None) -> Self:
        scene = found.scene
        same = ("key", "scene_number", "title", "accepted_asset_id", "accepted_fingerprint")
        shown: dict[str, Any] = {name: getattr(scene, name) for name in same}
        reasons = [StaleReason.model_validate(vars(one)) for one in found.reasons]
        job_id = None if job is None else job.id
        return cls(**shown, scene_id=scene.id, fingerprint=found.fingerprint, reasons=reasons, job_id=job_id)


class StalenessAnswer(BaseModel):
    """Scenes of a branch by number, those of one page: each is fresh, stale, missing, or a video of the user's own.

    The numbers are of the page too: those of all pages together are those of the branch.
    """

    project_id: int
    branch_name: str
    commit: str | None = Field(description="Hash of the state that was looked at.")
    scenes: int = Field(description="How many were looked at.")
    fresh: int = Field(description="Those whose accepted take is up to date.")
    own_videos: int
    stale_scenes: list[int] = Field(description="The ids of those that are stale, by number.")
    stale: list[StaleSceneAnswer]
    missing: list[int] = Field(description="The ids of those that no take was accepted for yet.")


class RenderStale(Body):
    """What is left out is as the accepted take of each scene was asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"branch": "main"}, {"quality": "low", "dry_run": True}]})

    branch: BranchName = Field(
        MAIN, validation_alias=AliasChoices("branch", "branch_name"), description="Also `branch_name`."
    )
    quality: Literal["low", "medium", "high", "fast_preview", "current_workflow", "ultra_production"] | None = None
    engine: EngineChoice | None = None
    dry_run: bool = Field(False, description="Only say what it would render.")


class SceneJob(GenerationStarted):
    scene_id: int


class LiveJob(BaseModel):
    scene_id: int
    job_id: int
    up_to_date: bool = Field(description="False: it renders a state of the scene that is out of date by now.")


class RefusedScene(BaseModel):
    """A stale scene that cannot be rendered as it is."""

    scene_id: int
    code: str
    message: str


class StaleRendered(BaseModel):
    """Each stale scene is in exactly one of `to_render`, `already_rendering` and `cannot_render`."""

    project_id: int
    branch_name: str
    commit: str | None = Field(description="Hash of the state that is rendered.")
    dry_run: bool
    stale_scenes: list[int]
    to_render: list[int]
    jobs: list[SceneJob] = Field(description="One for each of `to_render`; of a dry run empty.")
    already_rendering: list[LiveJob]
    cannot_render: list[RefusedScene]


@router.get("/stale", responses=documented(404))
def stale_scenes(
    project_id: ProjectId,
    session: ReadingSession,
    settings: CurrentSettings,
    pages: Pages,
    *,
    branch: BranchQuery = None,
) -> StalenessAnswer:
    """The scenes whose accepted take would be another one today, and what of character, style, model, … is the reason.

    A scene that was never rendered is `missing`, not stale. A page ends with the stale scene number `limit`, or when
    500 scenes were looked at, 100 of them with an accepted take; the next one begins behind its last scene.
    """
    line = branches.find(session, project_id, branch or MAIN)
    found = report.page_of_branch(session, line, settings, pages.wanted)
    pages.announce(Page(found.stale, found.next_cursor))
    stale = scene_ids(found.stale)
    running = live_jobs(session, stale) if stale else {}
    return StalenessAnswer(
        project_id=project_id,
        branch_name=line.name,
        commit=head_of(session, line.id),
        scenes=found.scenes,
        fresh=found.fresh,
        own_videos=found.own_videos,
        stale_scenes=stale,
        stale=[StaleSceneAnswer.of(one, running.get(one.scene.id)) for one in found.stale],
        missing=list(found.missing),
    )


@router.post(
    "/render-stale",
    status_code=ACCEPTED,
    response_model=StaleRendered,
    responses=documented(400, 404, 409, 413, 415) | {200: {"model": StaleRendered, "description": "Of a dry run."}},
)
def render_stale_scenes(
    project_id: ProjectId,
    body: RenderStale,
    *,
    session: DatabaseSession,
    settings: CurrentSettings,
    reconciler: JobReconciler,
    request_id: RequestId,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Any:
    """Open a job for each stale scene of the branch, and for nothing else. What a good take is there for costs nothing.

    A scene that a job renders already is not rendered twice.
    """
    if body.dry_run:
        response.status_code = 200
        with session.begin():
            return _render(session, project_id, body, settings)
    endpoint = f"POST {router.prefix.format(project_id=project_id)}/render-stale"
    received = Received(endpoint, body.model_dump(mode="json", exclude_unset=True), request_id, idempotency_key)

    def act() -> Opened:
        answer = _render(session, project_id, body, settings)
        first = answer.jobs[0].job_id if len(answer.jobs) == 1 else None
        return Opened(first, answer.model_dump(mode="json"))

    return open_once(session, reconciler, received, act)


def _render(session: Session, project_id: int, body: RenderStale, settings: Settings) -> StaleRendered:
    line = branches.find(session, project_id, body.branch)
    done = render_stale(
        session, line, settings=settings, quality=body.quality, engine=body.engine, dry_run=body.dry_run
    )
    return StaleRendered(
        project_id=project_id,
        branch_name=line.name,
        commit=done.commit_hash,
        dry_run=body.dry_run,
        stale_scenes=scene_ids(done.stale),
        to_render=list(done.opened),
        jobs=[] if body.dry_run else _started(session, done),
        already_rendering=[_live(scene_id, one) for scene_id, one in done.live.items()],
        cannot_render=[
            RefusedScene(scene_id=scene_id, code=error.code, message=error.message)
            for scene_id, error in done.refused.items()
        ],
    )


def _started(session: Session, done: Rendering) -> list[SceneJob]:
    estimates: dict[tuple[Any, ...], float | None] = {}
    started = []
    for scene_id, job in done.opened.items():
        session.refresh(job)
        spec = spec_of(job)
        alike = (spec.size, spec.frames, spec.engine)
        if alike not in estimates:
            estimates[alike] = estimate_s(session, spec, job_type=job.job_type)
        base = GenerationStarted.of(job, estimate_s=estimates[alike])
        started.append(SceneJob(**base.model_dump(), scene_id=scene_id))
    return started


def _live(scene_id: int, one: Live) -> LiveJob:
    return LiveJob(scene_id=scene_id, job_id=one.job.id, up_to_date=one.up_to_date)
