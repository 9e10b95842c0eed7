"""The production window: the hours in which scheduled work may start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from api.errors import error_responses
from api.http.dependencies import CurrentSettings, DatabaseSession
from api.http.etags import IfMatch, require_match, set_etag
from api.http.strict_routes import Body, strict_router
from api.middleware.key_check import ADMIN
from api.production.dependencies import JobReconciler, Prefect
from tower.batches.cron import choose_cron
from tower.batches.deployment_schedule import BatchSchedule, apply_window, read_back
from tower.batches.misfits import UnfitEntry, list_unfit_entries
from tower.batches.planning import refresh_estimates
from tower.batches.starts import PlannedStarts
from tower.batches.stored_window import save_window
from tower.batches.window import ALWAYS_OPEN, Opening, Window, parse_window
from tower.clients.prefect import PrefectClient
from tower.errors import UnavailableError

router = strict_router(prefix="/api/anime", tags=["schedule"])
MAX_UNFIT = 100
REASON_EXAMPLE = "It is due 2025-11-05 21:00 UTC, and the production window opens at 2025-11-05 22:00 UTC"
PATHS = ("/production-schedule/window", "/schedule/window")


class WindowRequest(Body):
    """An end before the start is on the next day."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"start": "22:00", "end": "07:00", "zone": "Europe/Berlin"}]}
    )

    start: str = Field(description="The time of the day from which scheduled work may start.", examples=["22:00"])
    end: str = Field(description="The time of the day from which none starts; running work goes on.")
    zone: str = Field(description="The IANA time zone of these times.", examples=["Europe/Berlin"])


class WindowState(BaseModel):
    """The window as it is set. Without one, work starts at any time, and all three are null."""

    start: str | None
    end: str | None
    zone: str | None

    @classmethod
    def of(cls, window: Window) -> Self:
        if window.is_always_open:
            return cls(start=None, end=None, zone=None)
        return cls(start=f"{window.start:%H:%M}", end=f"{window.end:%H:%M}", zone=window.zone)


class OpeningAnswer(BaseModel):
    opens_at: datetime = Field(description="In local time.", examples=["2025-11-05T22:00:00+01:00"])
    closes_at: datetime = Field(description="In local time.")

    @classmethod
    def of(cls, opening: Opening, window: Window) -> Self:
        zone = window.zone_info
        return cls(opens_at=opening.opens_at.astimezone(zone), closes_at=opening.closes_at.astimezone(zone))


class UnfitPlan(BaseModel):
    """A planned entry that fits in no opening of the window. It stays planned, and may end late."""

    schedule_id: int
    project_id: int
    reason: str = Field(examples=[REASON_EXAMPLE])

    @classmethod
    def of(cls, entry: UnfitEntry) -> Self:
        return cls(schedule_id=entry.row.id, project_id=entry.row.project_id, reason=entry.misfit.reason)


class WindowAnswer(WindowState):
    is_open: bool
    closes_at: datetime | None = Field(description="When the open window closes; null if it is closed or always open.")
    next_openings: list[OpeningAnswer] = Field(description="The next three; empty if it is always open.")
    cron: str = Field(description="The schedule of the deployment `batch` in Prefect.", examples=["0 22 * * *"])
    cron_zone: str
    next_runs: list[datetime] = Field(description="When the runs are due that Prefect has made for it.")
    reason: str | None = Field(description="Why there are no runs.")
    unfit_count: int = Field(description="The number of planned entries that fit in no opening.")
    unfit: list[UnfitPlan] = Field(description="The first 100 of these, by id, each with the reason.")


@router.get(PATHS[0], operation_id="get_production_window")
@router.get(PATHS[1])
def get_window(session: DatabaseSession, prefect: Prefect, response: Response) -> WindowAnswer:
    """The production window, its next openings, and the runs that Prefect will start then."""
    starts = PlannedStarts.read(session)
    set_etag(response, WindowState.of(starts.window))
    unfit = list_unfit_entries(session, starts)
    return _answer(starts, _read_schedule(prefect, starts), unfit)


@router.put(
    PATHS[0], dependencies=[ADMIN], responses=error_responses(400, 412, 413, 415), operation_id="put_production_window"
)
@router.put(PATHS[1], dependencies=[ADMIN], responses=error_responses(400, 412, 413, 415))
def set_window(
    body: WindowRequest,
    session: DatabaseSession,
    prefect: Prefect,
    reconciler: JobReconciler,
    *,
    settings: CurrentSettings,
    response: Response,
    if_match: IfMatch = None,
) -> WindowAnswer:
    """Let scheduled work start in these hours only. Planned entries move to the next opening; running work goes on.

    The answer lists the planned entries that fit in no opening of this window. They stay planned.
    """
    window = parse_window(body.start, body.end, body.zone)
    return _change(window, session, prefect, reconciler, settings=settings, response=response, if_match=if_match)


@router.delete(PATHS[0], dependencies=[ADMIN], responses=error_responses(412), operation_id="delete_production_window")
@router.delete(PATHS[1], dependencies=[ADMIN], responses=error_responses(412))
def remove_window(
    session: DatabaseSession,
    prefect: Prefect,
    reconciler: JobReconciler,
    *,
    settings: CurrentSettings,
    response: Response,
    if_match: IfMatch = None,
) -> WindowAnswer:
    """Let scheduled work start at any time."""
    return _change(ALWAYS_OPEN, session, prefect, reconciler, settings=settings, response=response, if_match=if_match)


def _change(
    window: Window,
    session: DatabaseSession,
    prefect: PrefectClient,
    reconciler: JobReconciler,
    *,
    settings: CurrentSettings,
    response: Response,
    if_match: str | None,
) -> WindowAnswer:
    with session.begin():
        require_match(if_match, WindowState.of(PlannedStarts.read(session).window))
        save_window(session, window)
        starts = PlannedStarts.read(session)
    reconciler.wake()
    if not window.is_always_open:
        refresh_estimates(session, settings)
    with session.begin():
        unfit = list_unfit_entries(session, starts)
    set_etag(response, WindowState.of(window))
    return _answer(starts, _read_schedule(prefect, starts, changed=True), unfit)


def _read_schedule(prefect: PrefectClient, starts: PlannedStarts, *, changed: bool = False) -> BatchSchedule:
    """The schedule in Prefect, after a change as it is edited now. Without Prefect, the reconciler edits it later."""
    cron = choose_cron(starts.window, starts.now.astimezone(starts.window.zone_info).date())
    try:
        if changed:
            apply_window(prefect, starts.window, starts.now)
            return read_back(prefect, cron)
        return read_back(prefect, cron, wait_s=0)
    except UnavailableError as error:
        return BatchSchedule(cron, (), error.message)


def _answer(starts: PlannedStarts, schedule: BatchSchedule, unfit: Sequence[UnfitEntry]) -> WindowAnswer:
    window = starts.window
    openings = [] if window.is_always_open else window.list_next(starts.now)
    closes_at = None if window.is_always_open else window.closes_at(starts.now)
    return WindowAnswer(
        **WindowState.of(window).model_dump(),
        is_open=window.is_open(starts.now),
        closes_at=None if closes_at is None else closes_at.astimezone(window.zone_info),
        next_openings=[OpeningAnswer.of(opening, window) for opening in openings],
        cron=schedule.cron.line,
        cron_zone=schedule.cron.zone,
        next_runs=[due.astimezone(window.zone_info) for due in schedule.next_runs],
        reason=schedule.reason,
        unfit_count=len(unfit),
        unfit=[UnfitPlan.of(entry) for entry in unfit[:MAX_UNFIT]],
    )
