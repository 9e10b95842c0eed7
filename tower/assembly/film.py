"""Assembles an episode: conforms its items, encodes its transitions, masters its sound, writes and checks the film."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av

from tower.assembly import clips, ledger, master, seams
from tower.assembly.checking import check_film, check_tags
from tower.assembly.clips import Clip, ClipPlan, ClipSource, plan_clips, prepare_clip
from tower.assembly.cut import EpisodeCut, check_cut
from tower.assembly.errors import AssemblyError
from tower.assembly.keys import file_key, film_key
from tower.assembly.leftovers import use_cache
from tower.assembly.master import Master, make_master
from tower.assembly.muxing import WORK as COPY_WORK
from tower.assembly.muxing import write_film
from tower.assembly.packets import Piece
from tower.assembly.progress import Progress
from tower.assembly.seams import SeamPlan, encode_seam, plan_seam, seam_path
from tower.assembly.subtitles import languages, split_overlaps
from tower.errors import CancelledError
from tower.errors.foreign import reason_of
from tower.media.files import DiskFullError, write_atomically

T = TypeVar("T")


@dataclass(frozen=True)
class AssemblyResult:
    """A finished film.

    `is_unchanged`: whether the film of this cut was there, so that nothing was done. `clips_encoded`,
    `clips_cached` and `clips_as_they_are` (copied, but for frames at their edges) count the items; `seams_encoded` the
    transitions. `lufs` and `peak_dbtp` are measured on the encoded sound and None for silence; `sound_note` says why
    the film is not at its target loudness.
    """

    path: Path
    key: str
    frames: int
    duration_s: float
    bytes: int
    lufs: float | None
    peak_dbtp: float | None
    sound_note: str | None
    clips_encoded: int
    clips_cached: int
    clips_as_they_are: int
    seams_encoded: int
    is_unchanged: bool
    total_s: float


def assemble(
    cut: EpisodeCut,
    target: Path,
    cache_folder: Path,
    *,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
    after: Callable[[str], None] = lambda _: None,
) -> AssemblyResult:
    """Write the film of a cut to `target`, doing only what is not in `cache_folder` yet.

    `progress` gets shares from 0 to 1. `cancelled` is asked several times a second; if it is true, CancelledError is
    raised, and finished parts stay for the next time. `after` is called with the name of each step that is done, in the
    thread that did it. After an error `target` is as it was before. Raises InvalidError for a cut that cannot be made,
    MediaUnreadableError, AssemblyError, DiskFullError.
    """
    began = time.perf_counter()
    check_cut(cut)
    check_tags(cut)
    key = film_key(cut)
    kept = ledger.find_unchanged(file_key(cut), target, cache_folder)
    if kept is not None:
        progress(1.0)
        return AssemblyResult(path=target, key=key, is_unchanged=True, total_s=time.perf_counter() - began, **kept)
    try:
        with use_cache(cache_folder, target):
            result = _make(cut, key, target, cache_folder, Progress(progress, cancelled, after))
    except DiskFullError:
        raise
    except (OSError, av.FFmpegError) as error:
        raise AssemblyError(f"The film cannot be written to {target}: {reason_of(error)}") from error
    return dataclasses.replace(result, total_s=time.perf_counter() - began)


def _make(cut: EpisodeCut, key: str, target: Path, folder: Path, progress: Progress) -> AssemblyResult:
    burnt_in = languages(cut.subtitles)[:1] if cut.burn_subtitles else []
    plans = plan_clips(cut, split_overlaps(cue for cue in cut.subtitles if cue.language in burnt_in))
    new = {plan.key: plan.item.frames for plan in plans if not clips.is_cached(plan, folder)}
    progress.plan(sum(new.values()))
    progress.plan(cut.frames * COPY_WORK)
    if not master.is_cached(master.master_key(cut), folder):
        progress.plan(cut.frames * master.WORK)
    with ThreadPoolExecutor(1, thread_name_prefix="sound") as beside:
        mixing = beside.submit(_or_stop, progress, lambda: make_master(cut, folder, progress))
        try:
            made, joins, encoded = _or_stop(progress, lambda: _make_pictures(plans, new, cut, folder, progress))
        except CancelledError:
            mixing.result()  # if the sound failed, its error is the reason
            raise
        sound = mixing.result()
    with write_atomically(target) as part:
        write_film(cut, list_pieces(made, joins, folder), sound.path, part, progress)
        progress.end_step("joined")
        check_film(part, cut, sound, progress)
        progress.end_step("checked")
        progress.check()
    progress.end_step("film")
    progress.finish()
    result = _result(cut, key, target, made=made, seams_encoded=encoded, sound=sound)
    ledger.record(file_key(cut), result, folder)
    progress.end_step("remembered")
    return result


def _make_pictures(
    plans: Sequence[ClipPlan], new: Mapping[str, int], cut: EpisodeCut, folder: Path, progress: Progress
) -> tuple[list[Clip], list[SeamPlan | None], int]:
    """Make the clips and the transitions. Returns them, and how many transitions were encoded."""
    made = []
    for plan in plans:
        made.append(prepare_clip(plan, cut.form, folder, progress))
        if plan.key in new and made[-1].source is ClipSource.AS_IT_IS:
            progress.advance(made[-1].copied_frames)
    joins = [
        plan_seam(before, after, transition) if transition.frames else None
        for before, after, transition in zip(made, made[1:], cut.transitions, strict=False)
    ]
    progress.plan(sum(join.transition.frames for join in joins if join and not seams.is_cached(join, folder)))
    return made, joins, sum(encode_seam(join, cut.form, folder, progress) for join in joins if join)


def _or_stop(progress: Progress, work: Callable[[], T]) -> T:
    """Do the work of one thread. If it fails, the others stop too."""
    try:
        return work()
    except BaseException:
        progress.stop()
        raise


def list_pieces(made: Sequence[Clip], joins: Sequence[SeamPlan | None], folder: Path) -> list[Piece]:
    """The parts of files that follow each other in the film: what no transition uses of each item, and transitions."""
    pieces: list[Piece] = []
    for number, clip in enumerate(made):
        pieces += clip.pieces
        join = joins[number] if number < len(joins) else None
        if join:
            pieces.append(Piece(seam_path(join, folder), 0, join.transition.frames))
    return pieces


def _result(
    cut: EpisodeCut, key: str, target: Path, *, made: Sequence[Clip], seams_encoded: int, sound: Master
) -> AssemblyResult:
    counts = {source: sum(clip.source is source for clip in made) for source in ClipSource}
    return AssemblyResult(
        path=target,
        key=key,
        frames=cut.frames,
        duration_s=cut.duration_s,
        bytes=target.stat().st_size,
        lufs=sound.lufs,
        peak_dbtp=sound.peak_dbtp,
        sound_note=sound.note,
        clips_encoded=counts[ClipSource.ENCODED],
        clips_cached=counts[ClipSource.CACHED],
        clips_as_they_are=counts[ClipSource.AS_IT_IS],
        seams_encoded=seams_encoded,
        is_unchanged=False,
        total_s=0.0,
    )
