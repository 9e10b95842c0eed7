"""The production schedule of a project."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Response
from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, model_validator
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import CurrentSettings, DatabaseSession, ReadingSession
from api.http.etags import IfMatch, require_match, set_etag
from api.http.field_types import BranchName, ProjectQuery, RowId
from api.http.paging import Pages
from api.http.strict_routes import Body, strict_router
from api.production.dependencies import JobReconciler
from api.production.director.bodies import RenderParameters
from db.models.jobs import JobType
from db.models.schedule import ProductionSchedule, ScheduleState
from tower.batches.obstacles import find_plan_obstacles
from tower.batches.planning import check_plan
from tower.batches.starts import PlannedStarts
from tower.story import schedule
from tower.story.schedule import ScheduleTarget
from tower.versions.branches import MAIN

router = strict_router(prefix="/api/anime", tags=["schedule"])

EXAMPLE: JsonValue = {"project_id": 1, "scene_id": 3, "start_at": "2025-11-05T22:00:00Z", "priority": 2}
ZonedDatetime = Annotated[AwareDatetime, Field(strict=False)]
Priority = Annotated[int, Field(ge=0, le=1000, description="Of several that are due, the smallest starts first.")]


class NewPlan(Body):
    """A render of a scene, the film of an episode, or, with neither, a render of all stale scenes of the branch.

    For a film, the scenes without a current take are rendered first.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    project_id: RowId
    branch_name: BranchName = Field(MAIN, validation_alias=AliasChoices("branch_name", "branch"))
    scene_id: RowId | None = None
    episode_id: Annotated[uuid.UUID | None, Field(strict=False)] = None
    job_type: Annotated[JobType, Field(strict=False)] = JobType.INTEGRATED
    parameters: RenderParameters = Field(
        default_factory=RenderParameters,
        description="Parameters of the generations; missing ones are taken from the scene and the project. For an "
        "episode and for all stale scenes only `quality` and `engine`.",
    )
    priority: Priority = 5
    start_at: ZonedDatetime = Field(description="The earliest start, with a time zone.")
    due_at: ZonedDatetime | None = Field(
        None, description="The desired end. Nothing stops then, but what the production window starts later is refused."
    )
    allow_publish: bool = Field(False, description="Of an episode: also put its film into the library.")

    @model_validator(mode="after")
    def require_one_target(self) -> Self:
        if self.scene_id is not None and self.episode_id is not None:
            raise ValueError("scene_id, episode_id or neither")
        return self


class PlanChange(Body):
    """A field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"start_at": "2025-11-06T22:00:00Z"}]})

    parameters: RenderParameters = Field(default_factory=RenderParameters)
    priority: Priority = Field(default_factory=int)
    start_at: ZonedDatetime = Field(default_factory=datetime.now)
    due_at: ZonedDatetime | None = None
    allow_publish: bool = Field(default_factory=bool)


class PlanAnswer(BaseModel):
    id: int
    project_id: int
    scene_key: uuid.UUID | None
    episode_id: uuid.UUID | None = Field(
        description="Without a scene and an episode, all stale scenes of the branch are rendered."
    )
    job_type: JobType
    parameters: dict[str, Any]
    priority: int
    start_at: datetime
    due_at: datetime | None
    allow_publish: bool
    starts_at: datetime | None = Field(
        description="When it starts: at `start_at`, or when the production window opens. Null once it is not planned."
    )
    waiting_reason: str | None = Field(
        description="Why it starts later than `start_at`.",
        examples=["waiting for the production window, which opens at 2025-11-05 22:00 Europe/Berlin"],
    )
    obstacle: str | None = Field(
        description="Why it cannot be made as things are: what it names is gone, or it fits in no opening of the "
        "production window. Null: nothing is known, or it is no longer planned.",
        examples=["Its branch no longer has such a scene"],
    )
    batch_id: int | None = Field(description="The batch that started it, or that it waits in.")
    state: ScheduleState
    job_id: int | None = Field(
        description="The generation that it started, or that of the film; null before, and if there are several."
    )
    job_ids: list[int] = Field(description="The generations that it started or joined.")
    error_message: str | None = Field(description="Why it failed, or which scenes it could not start.")
    ended_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: ProductionSchedule, starts: PlannedStarts, obstacle: str | None) -> Self:
        start = starts.find_start(row) if row.state == ScheduleState.PLANNED else None
        reasons = {"waiting_reason": starts.explain_wait(row), "obstacle": obstacle}
        own = {"episode_id": row.episode_key, "starts_at": start, **reasons}
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields.keys() - own} | own)


@router.post("/schedule", status_code=201, responses=error_responses(400, 404, 413, 415))
def plan_render(
    body: NewPlan, session: DatabaseSession, settings: CurrentSettings, reconciler: JobReconciler, *, response: Response
) -> PlanAnswer:
    """Schedule a render. A run in Prefect starts its generations when it is due and the production window is open.

    What it could not do, for example while the machine was off, it does as soon as it can. What fits in no window is
    refused.
    """
    plan = ScheduleTarget(body.project_id, body.branch_name, body.scene_id, body.episode_id)
    named = {"project_id", "branch_name", "scene_id", "episode_id"}
    with session.begin():
        row = schedule.add_schedule(session, plan, body.model_dump(exclude=named) | _parameters(body))
        check_plan(session, row, settings)
        answer = _answer(session, row)
    reconciler.wake()
    response.headers["Location"] = f"{router.prefix}/schedule/{answer.id}"
    set_etag(response, answer)
    return answer


@router.get("/schedule", responses=error_responses(404))
def list_plans(
    project_id: ProjectQuery, session: ReadingSession, pages: Pages, state: ScheduleState | None = None
) -> list[PlanAnswer]:
    """The scheduled renders of a project, in the order of creation."""
    page = schedule.list_schedules(session, project_id, state=state, page_request=pages.page_request)
    starts = PlannedStarts.read(session)
    obstacles = find_plan_obstacles(session, page.rows, starts)
    return pages.answer(page, lambda row: PlanAnswer.of(row, starts, obstacles.get(row.id)))


@router.get("/schedule/{schedule_id}", responses=error_responses(404))
def get_plan(schedule_id: RowId, session: ReadingSession, response: Response) -> PlanAnswer:
    """A scheduled render and its result."""
    answer = _answer(session, schedule.find_schedule(session, schedule_id))
    set_etag(response, answer)
    return answer


@router.patch("/schedule/{schedule_id}", responses=error_responses(400, 404, 409, 412, 413, 415))
def change_plan(
    schedule_id: RowId,
    body: PlanChange,
    session: DatabaseSession,
    settings: CurrentSettings,
    reconciler: JobReconciler,
    *,
    response: Response,
    if_match: IfMatch = None,
) -> PlanAnswer:
    """Change a scheduled render that has not started."""
    with session.begin():
        row = schedule.find_schedule(session, schedule_id, lock=True)
        require_match(if_match, _answer(session, row))
        columns = body.model_dump(exclude_unset=True)
        if "parameters" in columns:
            columns |= _parameters(body)
        row = schedule.change_schedule(session, row, columns)
        check_plan(session, row, settings)
        answer = _answer(session, row)
    reconciler.wake()
    set_etag(response, answer)
    return answer


@router.delete("/schedule/{schedule_id}", responses=error_responses(404, 409))
def cancel_plan(schedule_id: RowId, session: DatabaseSession) -> PlanAnswer:
    """Cancel a scheduled render. It stays listed as cancelled. Once started, cancel its generation instead."""
    with session.begin():
        row = schedule.cancel_schedule(session, schedule.find_schedule(session, schedule_id, lock=True))
        return _answer(session, row)


def _answer(session: Session, row: ProductionSchedule) -> PlanAnswer:
    starts = PlannedStarts.read(session)
    return PlanAnswer.of(row, starts, find_plan_obstacles(session, [row], starts).get(row.id))


def _parameters(body: NewPlan | PlanChange) -> dict[str, Any]:
    """The column with the parameters that were sent."""
    return {"parameters": body.parameters.model_dump(mode="json", exclude_unset=True)}
