"""Lists the accepted takes that are stale, with the reasons, and renders exactly those again."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import Response
from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import CurrentSettings, DatabaseSession, ReadingSession, RequestId
from api.http.field_types import BranchName, BranchQuery, EngineChoice
from api.http.paging import Pages
from api.http.staleness_answers import StaleSceneAnswer
from api.http.strict_routes import Body, strict_router
from api.production.dependencies import CurrentStudio, JobReconciler
from api.production.generation.bodies import GenerationStarted
from api.production.generation.idempotency import IdempotencyKey, open_idempotently
from api.production.story.projects import ProjectId
from tower.jobs.requests import ACCEPTED_STATUS, IncomingRequest, JobOpened
from tower.pages import Page
from tower.rendering.forecast import NO_FORECAST, forecast_jobs
from tower.rendering.studio import Studio
from tower.shots.scene_jobs import head_commit_hash, live_jobs_by_scene
from tower.staleness import report
from tower.staleness.rendering import LiveRender, StaleRenderResult, open_stale_renders, scene_ids
from tower.versions import branches
from tower.versions.branches import MAIN

router = strict_router(prefix="/api/anime/projects/{project_id}", tags=["staleness"])


class StalenessAnswer(BaseModel):
    """One page of the scenes of a branch, by number. Each scene is fresh, stale, missing, or has your own video.

    The counts are those of the page; the sums over all pages are those of the branch.
    """

    project_id: int
    branch_name: str
    commit: str | None = Field(description="Hash of the commit that was checked.")
    scenes: int = Field(description="Number of scenes checked.")
    fresh: int = Field(description="Number of scenes whose accepted take is up to date.")
    own_videos: int
    stale_scenes: list[int] = Field(description="Ids of the stale scenes, by scene number.")
    stale: list[StaleSceneAnswer]
    missing: list[int] = Field(description="Ids of the scenes without an accepted take.")


class RenderStaleRequest(Body):
    """A field that is left out has the value of each scene's accepted take."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"branch": "main"}, {"quality": "low", "dry_run": True}]})

    branch: BranchName = Field(
        MAIN, validation_alias=AliasChoices("branch", "branch_name"), description="Also `branch_name`."
    )
    quality: Literal["low", "medium", "high", "fast_preview", "current_workflow", "ultra_production"] | None = None
    engine: EngineChoice | None = None
    dry_run: bool = Field(False, description="Only report what would be rendered.")


class SceneJob(GenerationStarted):
    scene_id: int


class LiveJob(BaseModel):
    scene_id: int
    job_id: int
    up_to_date: bool = Field(description="False if the job renders a stale state of the scene.")


class RefusedScene(BaseModel):
    """A stale scene that cannot be rendered as it is."""

    scene_id: int
    code: str
    message: str


class RenderStaleAnswer(BaseModel):
    """Each stale scene is in exactly one of `to_render`, `already_rendering` and `cannot_render`."""

    project_id: int
    branch_name: str
    commit: str | None = Field(description="Hash of the commit that is rendered.")
    dry_run: bool
    stale_scenes: list[int]
    to_render: list[int]
    jobs: list[SceneJob] = Field(description="One job for each of `to_render`; empty in a dry run.")
    already_rendering: list[LiveJob]
    cannot_render: list[RefusedScene]


@router.get("/stale", responses=error_responses(404))
def stale_scenes(
    project_id: ProjectId,
    session: ReadingSession,
    settings: CurrentSettings,
    pages: Pages,
    *,
    branch: BranchQuery = None,
) -> StalenessAnswer:
    """The scenes whose accepted take is stale, and the changes to character, style, model, … that made it so.

    A scene without a render is `missing`, not stale. A page ends after `limit` stale scenes, after
    500 scenes, or after 100 scenes with an accepted take.
    """
    line = branches.find(session, project_id, branch or MAIN)
    page = report.report_page(session, line, settings, pages.page_request)
    pages.set_next_link(Page(page.stale, page.next_cursor))
    stale = scene_ids(page.stale)
    running = live_jobs_by_scene(session, stale) if stale else {}
    return StalenessAnswer(
        project_id=project_id,
        branch_name=line.name,
        commit=head_commit_hash(session, line.id),
        scenes=page.scenes,
        fresh=page.fresh,
        own_videos=page.own_videos,
        stale_scenes=stale,
        stale=[StaleSceneAnswer.of(stale_scene, running.get(stale_scene.scene.id)) for stale_scene in page.stale],
        missing=list(page.missing),
    )


@router.post(
    "/render-stale",
    status_code=ACCEPTED_STATUS,
    response_model=RenderStaleAnswer,
    responses=error_responses(400, 404, 409, 413, 415)
    | {200: {"model": RenderStaleAnswer, "description": "The answer of a dry run."}},
)
def render_stale_scenes(
    project_id: ProjectId,
    body: RenderStaleRequest,
    *,
    session: DatabaseSession,
    studio: CurrentStudio,
    reconciler: JobReconciler,
    request_id: RequestId,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Any:
    """Open a job for each stale scene of the branch. Scenes that are up to date cost nothing.

    A scene that a job already renders is not rendered twice.
    """
    if body.dry_run:
        response.status_code = 200
        with session.begin():
            return _render(session, project_id, body, studio)
    endpoint = f"POST {router.prefix.format(project_id=project_id)}/render-stale"
    received = IncomingRequest(endpoint, body.model_dump(mode="json", exclude_unset=True), request_id, idempotency_key)

    def open_jobs() -> JobOpened:
        answer = _render(session, project_id, body, studio)
        first = answer.jobs[0].job_id if len(answer.jobs) == 1 else None
        return JobOpened(first, answer.model_dump(mode="json"))

    return open_idempotently(session, reconciler, received, open_jobs)


def _render(session: Session, project_id: int, body: RenderStaleRequest, studio: Studio) -> RenderStaleAnswer:
    line = branches.find(session, project_id, body.branch)
    done = open_stale_renders(
        session, line, studio=studio, quality=body.quality, engine=body.engine, dry_run=body.dry_run
    )
    return RenderStaleAnswer(
        project_id=project_id,
        branch_name=line.name,
        commit=done.commit_hash,
        dry_run=body.dry_run,
        stale_scenes=scene_ids(done.stale),
        to_render=list(done.opened),
        jobs=[] if body.dry_run else _scene_jobs(session, done, studio),
        already_rendering=[_live_job(scene_id, live) for scene_id, live in done.live.items()],
        cannot_render=[
            RefusedScene(scene_id=scene_id, code=error.code, message=error.message)
            for scene_id, error in done.refused.items()
        ],
    )


def _scene_jobs(session: Session, done: StaleRenderResult, studio: Studio) -> list[SceneJob]:
    for job in done.opened.values():
        session.refresh(job)
    forecasts = forecast_jobs(session, list(done.opened.values()), studio)
    started = []
    for scene_id, job in done.opened.items():
        base = GenerationStarted.of(job, forecast=forecasts.get(job.id, NO_FORECAST))
        started.append(SceneJob(**base.model_dump(), scene_id=scene_id))
    return started


def _live_job(scene_id: int, live: LiveRender) -> LiveJob:
    return LiveJob(scene_id=scene_id, job_id=live.job.id, up_to_date=live.is_current)
