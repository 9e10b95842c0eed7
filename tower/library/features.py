"""What the music service can do here and now, each tried and not assumed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
from sqlalchemy import text
from sqlalchemy.orm import Session

from tower.library.ffmpeg import ffmpeg

ENCODER = "libopus"
TRY_S = 20.0
_SEARCH = text("""
    select exists (select from pg_extension where extname = 'pg_trgm'),
        exists (select from pg_index where indexrelid = to_regclass('public.ix_tracks_search_text') and indisvalid)""")


@dataclass(frozen=True)
class Feature:
    """`reason` says why it is not there."""

    there: bool
    reason: str | None = None


def features(session: Session, roots: Sequence[Path]) -> dict[str, Feature]:
    return {
        "audio_quality_monitoring": _measuring(),
        "music_library": _library(roots),
        "streaming": _streaming(),
        "search": _search(session),
    }


def _library(roots: Sequence[Path]) -> Feature:
    if any(root.is_dir() and os.access(root, os.R_OK | os.X_OK) for root in roots):
        return Feature(True)
    return Feature(False, "none of the library folders can be read: " + ", ".join(map(str, roots)))


def _search(session: Session) -> Feature:
    trigrams, index = session.execute(_SEARCH).one()
    if not trigrams:
        return Feature(False, "the database lacks the extension pg_trgm")
    return Feature(True) if index else Feature(False, "the index of the tracks is missing: run `tower migrate`")


@cache
def _streaming() -> Feature:
    if ENCODER in av.codecs_available:
        return Feature(True)
    return Feature(False, f"this build of PyAV lacks {ENCODER}: what browsers cannot play is not transcoded")


@cache
def _measuring() -> Feature:
    """Asked once a process: the program does not change under it."""
    try:
        said = subprocess.run(
            [ffmpeg(), "-hide_banner", "-filters"], capture_output=True, text=True, timeout=TRY_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired, RuntimeError) as broken:
        return Feature(False, f"ffmpeg cannot be run: {broken}")
    if " ebur128 " not in said.stdout:
        return Feature(False, "this ffmpeg lacks the filter ebur128")
    return Feature(True)
