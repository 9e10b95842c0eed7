"""Tempo and beats of tracks, and tracks by tempo and mood."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Annotated, TypeVar

from anyio import to_thread
from fastapi import Query, Request

from api.errors import error_responses
from api.http.collaborators import collaborators_of
from api.http.dependencies import CurrentSettings, DatabaseSession, DatabaseSessions, ReadingSession
from api.http.strict_routes import strict_router
from api.middleware.key_check import OPEN
from api.music.beats.bodies import AnalyzeTrackRequest, BpmHealth, MatchingTrack, TrackAnalysis
from api.music.dependencies import Beats, BeatTrial, MusicCollaborators
from tower.beats import cache
from tower.beats.results import METHOD_VERSION
from tower.beats.structure.results import STRUCTURE_VERSION
from tower.errors import InvalidError
from tower.library.matching import Relation, TrackQuery, find_matches
from tower.library.moods import find_mood
from tower.library.roots import library_roots
from tower.library.text import normalise
from tower.library.track_beats import AnalysisContext, TrackBeats, analyse_track_file

DISCONNECT_POLL_S = 0.25  # how often to check whether the client is still connected
MAX_WAITING_THREADS = 64  # analyses that may wait in a thread each; more wait in the event loop

router = strict_router(prefix="/api/bpm", tags=["bpm"])
Answer = TypeVar("Answer")


@router.post("/analyze-track", responses=error_responses(400, 404, 409, 413, 415, 507))
async def analyze_track(
    body: AnalyzeTrackRequest, request: Request, settings: CurrentSettings, sessions: DatabaseSessions, pool: Beats
) -> TrackAnalysis:
    """Analyse a file, or answer the cached result. Disconnecting cancels. The file becomes a track of the library."""
    place = AnalysisContext(sessions, cache.cache_folder(settings), library_roots(settings))
    hint = body.tempo_hint()
    finder = pool.find_structure if body.analysis_type == "detailed" else None

    def work(cancelled: threading.Event) -> TrackBeats:
        return analyse_track_file(
            body.audio_path,
            context=place,
            analyser=pool.analyse,
            finder=finder,
            hint=hint,
            force=body.force,
            cancelled=cancelled,
        )

    return TrackAnalysis.of(await run_until_disconnected(request, work), body.analysis_type)


@router.get("/health", openapi_extra=OPEN)
def bpm_health(settings: CurrentSettings, session: DatabaseSession, pool: Beats, trial: BeatTrial) -> BpmHealth:
    """The libraries of the analysis, which the first request tries, and the number of cached analyses."""
    trial_result = trial.result()
    return BpmHealth(
        dependencies=trial_result.versions,
        reasons={"structure": trial_result.reason} if trial_result.reason else {},
        cache_dir=str(cache.cache_folder(settings)),
        cached_analyses=cache.count_cached(session),
        processes=pool.size,
        version=METHOD_VERSION,
        structure_version=STRUCTURE_VERSION,
    )


@router.get("/find-matching")
def find_matching(
    session: ReadingSession,
    *,
    target_bpm: Annotated[float | None, Query(ge=20, le=400, allow_inf_nan=False)] = None,
    tolerance: Annotated[float, Query(ge=0, le=100, allow_inf_nan=False, description="BPM.")] = 5,
    mood: Annotated[
        str | None,
        Query(
            min_length=1, max_length=100, description="epic, calm, 切ない, …; any other word is looked up in the tags."
        ),
    ] = None,
    relation: Annotated[
        list[Relation] | None, Query(description="Only these relations; without it, half and double time too.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> list[MatchingTrack]:
    """Tracks near a tempo, with a mood, or both; best match first."""
    if target_bpm is None and mood is None:
        raise InvalidError.field("target_bpm", None, "a tempo to match, or a mood")
    if mood is not None and not normalise(mood):
        raise InvalidError.field("mood", mood, "a word")
    known = find_mood(mood) if mood else None
    wanted = TrackQuery(target_bpm, tolerance, tuple(relation or Relation), known, None if known else mood)
    return [MatchingTrack.of(match) for match in find_matches(session, wanted, limit=limit, offset=offset)]


async def run_until_disconnected(request: Request, work: Callable[[threading.Event], Answer]) -> Answer:
    """Run `work` in a thread. The event that it gets is set when the client disconnects."""
    cancelled = threading.Event()

    async def watch() -> None:
        while not await request.is_disconnected():
            await asyncio.sleep(DISCONNECT_POLL_S)
        cancelled.set()

    threads = collaborators_of(request.app, MusicCollaborators).beat_threads
    watching = asyncio.create_task(watch())
    try:
        return await to_thread.run_sync(work, cancelled, limiter=threads)
    finally:
        watching.cancel()
