"""Makes the film of an episode: its cut is planned, assembled, stored and recorded on the episode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.episodes import Episode, EpisodeStatus
from db.models.rendering import Asset
from tower.assembly.cut import SAMPLE_RATE_HZ, EpisodeCut, Shot
from tower.assembly.film import AssemblyResult, assemble
from tower.assembly.keys import VERSION, film_key
from tower.assembly.planning import plan_cut
from tower.assembly.trailer import plan_trailer
from tower.films.cache import cache_folder
from tower.films.origins import describe_origin
from tower.films.requests import FilmRequest
from tower.jobs import attempts
from tower.jobs.attempts import Attempt
from tower.media.probe import AudioTrack, Probe, has_index_first
from tower.rendering.takes import TakeLostError, check_take, share_take, store_take
from tower.settings import Settings
from tower.shots.scene_jobs import head_commit_hash
from tower.story import entities
from tower.story.entities import LocatedRow
from tower.story.episodes import find_episode, read_contents

ENGINE = "assembly"  # in the provenance of a film, where that of a take names its engine


@dataclass(frozen=True)
class PlannedFilm:
    """The film or trailer that an episode would have now.

    `key`: equal ones are equal films, also of another commit. `score`: the mean of its takes.
    """

    episode: LocatedRow[Episode]
    cut: EpisodeCut
    key: str
    commit: str | None
    score: float | None
    is_trailer: bool = False


def plan_film(session: Session, request: FilmRequest) -> PlannedFilm:
    """Plan the film of the request. Raises NotFoundError for a deleted episode, and what plan_cut raises."""
    episode = find_request_episode(session, request)
    seconds = request.trailer_seconds
    cut = plan_cut(session, episode) if seconds is None else plan_trailer(session, episode, seconds)
    commit = head_commit_hash(session, episode.row.branch_id)
    origin = describe_origin(session, episode, cut, commit).as_tag(episode.row.key)
    score = read_contents(session, [episode.row])[episode.row.id].score
    planned = replace(cut, origin=origin)
    return PlannedFilm(episode, planned, film_key(cut), commit, score, is_trailer=seconds is not None)


def find_request_episode(session: Session, request: FilmRequest) -> LocatedRow[Episode]:
    return find_episode(session, request.episode_key, project_id=request.project_id, branch=request.branch)


def reuse_film(session: Session, attempt: Attempt, planned: PlannedFilm) -> Asset | None:
    """An equal film that an episode of the project shows already, as an asset of this job; None without one.

    An equal trailer is one that any job of the project has made.
    """
    equal = select(Asset).where(Asset.project_id == planned.episode.project_id)
    if planned.is_trailer:
        equal = equal.where(Asset.provenance["film"].astext == planned.key).order_by(Asset.id.desc())
    else:
        equal = equal.join(Episode, Episode.asset_id == Asset.id).where(Episode.film_fingerprint == planned.key)
        equal = equal.where(Episode.project_id == planned.episode.project_id)
    for asset in session.scalars(equal):
        try:
            check_take(asset)
        except TakeLostError:
            continue
        return asset if asset.job_id == attempt.job_id else share_take(session, asset, job_id=attempt.job_id)
    return None


def assemble_film(
    planned: PlannedFilm,
    job_id: int,
    settings: Settings,
    *,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
    after: Callable[[str], None] = lambda _: None,
) -> AssemblyResult:
    """Write the film into the folder of unfinished renders. What an earlier run made is not made again."""
    target = film_path(planned, job_id, settings)
    return assemble(planned.cut, target, cache_folder(settings), progress=progress, cancelled=cancelled, after=after)


def film_path(planned: PlannedFilm, job_id: int, settings: Settings) -> Path:
    """Where the film is assembled, before it is stored under the hash of its content."""
    return settings.renders / ".partial" / f"film-{job_id}-{planned.key[:16]}.mp4"


def store_film(
    session: Session, attempt: Attempt, planned: PlannedFilm, made: AssemblyResult, settings: Settings
) -> Asset:
    """Store the film under the hash of its content, as an asset of the job. The assembled file stays.

    Raises what record_film raises.
    """
    _lock_episode(session, planned)
    job = attempts.lock_held_job(session, attempt)
    shots = [item for item in planned.cut.items if isinstance(item, Shot)]
    return store_take(
        session,
        made.path,
        renders=settings.renders,
        probe=_describe(planned.cut, made),
        job_id=job.id,
        project_id=job.project_id,
        provenance={
            "engine": ENGINE,
            "engine_version": str(VERSION),
            "film": planned.key,
            "commit": planned.commit,
            "shots": [{"scene_key": str(shot.scene_key), "sha256": shot.take.sha256} for shot in shots],
            "lufs": made.lufs,
            "peak_dbtp": made.peak_dbtp,
        },
    )


def record_film(session: Session, attempt: Attempt, planned: PlannedFilm, asset: Asset) -> None:
    """Let the episode show the film. The branch is locked before the job, as in every edit.

    A trailer stays with its job. Raises CancelledError or SupersededError for an attempt that no longer holds the job,
    NotFoundError for a deleted episode.
    """
    row = _lock_episode(session, planned)
    job = attempts.lock_held_job(session, attempt)
    job.commit_hash = planned.commit
    if planned.is_trailer:
        return
    is_same = row.film_fingerprint == planned.key and row.video_path == asset.path
    row.film_fingerprint, row.video_path, row.asset_id = planned.key, asset.path, asset.id
    row.duration_s, row.quality_score, row.error_message = planned.cut.duration_s, planned.score, None
    if not (is_same and row.status == EpisodeStatus.PUBLISHED):
        row.status = EpisodeStatus.COMPLETED
    session.flush()


def _lock_episode(session: Session, planned: PlannedFilm) -> Episode:
    found = planned.episode
    return entities.find_by_key(
        session, Episode, found.row.key, project_id=found.project_id, branch=found.branch, lock=True
    ).row


def _describe(cut: EpisodeCut, made: AssemblyResult) -> Probe:
    """The film as the check of the assembly found it on the file, whose every frame is at its time."""
    return Probe(
        container="mp4",
        codec="h264",
        profile=None,
        pixel_format="yuv420p",
        width=cut.form.width,
        height=cut.form.height,
        fps=cut.form.fps,
        frames=made.frames,
        duration_s=made.duration_s,
        timing_error_ms=0.0,
        bytes=made.bytes,
        faststart=has_index_first(made.path),
        audio=AudioTrack("aac", SAMPLE_RATE_HZ, 2, made.duration_s),
    )
