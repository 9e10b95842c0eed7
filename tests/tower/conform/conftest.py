"""One conformed film of each timing, shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from db.models.music import FrameTiming
from tests.tower.conform import chromium
from tests.tower.conform.flashes import write_film, write_track
from tower.conform.film import ConformResult, conform_video
from tower.conform.sound import MusicExcerpt
from tower.sync.grid import BeatGrid
from tower.sync.plan import CutPlan, SourceClip, SyncPoint
from tower.sync.planning import plan_cuts

FPS, FRAMES = 24, 120
FLASHES = (0, 27, 50, 71, 99)
CLICKS_S = (0.731, 1.25, 1.804, 2.33, 2.851, 3.404, 3.93, 4.51, 5.02, 5.56, 6.1)
OFFSET_S, TRACK_S = 0.731, 7.0


@dataclass(frozen=True)
class ConformedFilm:
    """`limit_ms` is the largest distance of a flash from its click; `heard_s` are the times of clicks in the film."""

    video: Path
    music: MusicExcerpt
    path: Path
    plan: CutPlan
    result: ConformResult
    flashes: int = len(FLASHES)
    heard_s: tuple[float, ...] = tuple(click - OFFSET_S for click in CLICKS_S if click - OFFSET_S < FRAMES / FPS)

    @property
    def limit_ms(self) -> float:
        return 500 / FPS + 0.01 if self.plan.timing == FrameTiming.CONSTANT else 2.0


def build_plan(timing: FrameTiming) -> CutPlan:
    beats = BeatGrid(CLICKS_S, (1.0,) * len(CLICKS_S), TRACK_S)
    points = [SyncPoint(frame, f"flash {frame}") for frame in FLASHES]
    return plan_cuts(SourceClip(FRAMES, Fraction(FPS)), points, beats, timing=timing, offset_s=OFFSET_S)


@pytest.fixture(scope="module")  # module scope: while the browser is open, no other event loop can run in this thread
def browser() -> Iterator[Browser]:
    with chromium.browser() as started_browser:
        yield started_browser


@pytest.fixture(scope="session", params=FrameTiming, ids=list(FrameTiming))
def conformed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ConformedFilm:
    folder = tmp_path_factory.mktemp("flashes")
    video = write_film(folder / "flashes.mp4", FLASHES, frames=FRAMES, fps=FPS)
    music = MusicExcerpt(write_track(folder / "clicks.mp3", CLICKS_S, duration_s=TRACK_S), offset_s=OFFSET_S)
    target, plan = folder / "out.mp4", build_plan(request.param)
    return ConformedFilm(video, music, target, plan, conform_video(video, music, plan, target))
