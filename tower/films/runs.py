"""One run of a film's job: an equal film is found, or the film is assembled, stored and recorded on the episode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from db.engine import SessionFactory
from db.models.rendering import Asset
from tower.films.making import PlannedFilm, assemble_film, film_path, record_film, reuse_film, store_film
from tower.jobs import attempts
from tower.jobs.attempts import Attempt
from tower.settings import Settings


@dataclass(frozen=True)
class RunResult:
    """The film of the job. `is_new`: whether it was assembled, not found."""

    asset: Asset
    is_new: bool


def run_film(
    sessions: SessionFactory,
    attempt: Attempt,
    planned: PlannedFilm,
    settings: Settings,
    *,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
    after: Callable[[str], None] = lambda _: None,
) -> RunResult:
    """Make the film once, whenever the process is killed: a later attempt goes on where it was.

    `after` is called with the name of each step that is done. Raises what `assemble` and `record_film` raise.
    """
    with sessions.begin() as session:
        found = reuse_film(session, attempt, planned)
        if found is not None:
            record_film(session, attempt, planned, found)
    is_new = found is None
    if found is None:
        made = assemble_film(planned, attempt.job_id, settings, progress=progress, cancelled=cancelled, after=after)
        with sessions.begin() as session:
            found = store_film(session, attempt, planned, made, settings)
            after("stored")
            record_film(session, attempt, planned, found)
            if made.sound_note:
                attempts.add_warnings(session, attempt, made.sound_note)
        after("recorded")
    film_path(planned, attempt.job_id, settings).unlink(missing_ok=True)
    after("finished")
    return RunResult(found, is_new)
