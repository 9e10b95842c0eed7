"""Checks which features of the music service work on this machine. Each is tried, not assumed."""

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

from tower.errors.foreign import reason_of
from tower.library.ffmpeg import ffmpeg_path

ENCODER = "libopus"
CHECK_TIMEOUT_S = 20.0
_SEARCH = text("""
    select exists (select from pg_extension where extname = 'pg_trgm'),
        exists (select from pg_index where indexrelid = to_regclass('public.ix_tracks_search_text') and indisvalid)""")


@dataclass(frozen=True)
class Feature:
    """Whether a feature works; `reason` says why it does not."""

    is_available: bool
    reason: str | None = None


def check_features(session: Session, roots: Sequence[Path]) -> dict[str, Feature]:
    return {
        "audio_quality_monitoring": _check_measuring(),
        "music_library": _check_library(roots),
        "streaming": _check_streaming(),
        "search": _check_search(session),
    }


def _check_library(roots: Sequence[Path]) -> Feature:
    if any(root.is_dir() and os.access(root, os.R_OK | os.X_OK) for root in roots):
        return Feature(True)
    return Feature(False, "none of the library folders can be read: " + ", ".join(map(str, roots)))


def _check_search(session: Session) -> Feature:
    trigrams, index = session.execute(_SEARCH).one()
    if not trigrams:
        return Feature(False, "the database lacks the extension pg_trgm")
    return Feature(True) if index else Feature(False, "the index of the tracks is missing: run `tower migrate`")


@cache
def _check_streaming() -> Feature:
    if ENCODER in av.codecs_available:
        return Feature(True)
    return Feature(False, f"this build of PyAV lacks {ENCODER}: files that browsers cannot play are not transcoded")


@cache
def _check_measuring() -> Feature:
    """Cached: ffmpeg does not change while the process runs."""
    try:
        completed = subprocess.run(
            [ffmpeg_path(), "-hide_banner", "-filters"],
            capture_output=True,
            text=True,
            timeout=CHECK_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, RuntimeError) as error:
        return Feature(False, f"ffmpeg cannot be run: {reason_of(error)}")
    if " ebur128 " not in completed.stdout:
        return Feature(False, "this ffmpeg lacks the filter ebur128")
    return Feature(True)
