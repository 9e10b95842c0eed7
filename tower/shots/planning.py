"""Plans the segments to render: their shots and fingerprints, from the request, the cast and the prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from tower.engines.base import Shot
from tower.jobs.spec import GenerationSpec
from tower.media.overlap import OVERLAP_FRAMES, segment_frames
from tower.presets.quality import Preset
from tower.quality.adjustments import adjust_shot
from tower.quality.rounds import RoundResult, next_adjustment
from tower.rendering.engine_choice import EngineVersion
from tower.rendering.segments import SegmentPlan
from tower.rendering.takes import fingerprint
from tower.shots.cast import Cast
from tower.shots.prompts import EnhancedPrompt
from tower.workflows.graph import WorkflowGraph


@dataclass(frozen=True)
class Script:
    """Everything that a shot is planned from.

    `authored`: fields of the shot that keep the values of the graph. `warnings`: what the graph cannot follow.
    """

    spec: GenerationSpec
    cast: Cast
    words: EnhancedPrompt
    seed: int
    model: str
    preset: Preset
    graph: WorkflowGraph | None = None
    authored: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def plan_shot(script: Script, engine: EngineVersion) -> list[SegmentPlan]:
    """Plan the shot as one segment."""
    return [_plan_segment(1, _whole_shot(script), script, engine)]


def plan_round(script: Script, engine: EngineVersion, *, rounds: Sequence[RoundResult]) -> list[SegmentPlan]:
    """Plan the shot as one segment, with the changes that earlier rounds call for. A rejected shot is not reused."""
    requested = _whole_shot(script)
    *rejected, shot = [adjust_shot(requested, next_adjustment(rounds[:before])) for before in range(len(rounds) + 1)]
    plan = _plan_segment(1, shot, script, engine)
    return [replace(plan, round=len(rounds) + 1, reuse=plan.reuse and shot not in rejected)]


def plan_seconds(script: Script, engine: EngineVersion) -> list[SegmentPlan]:
    """Plan one segment for each second, with the frames that it shares with the next. All share seed and style."""
    whole = _whole_shot(script)
    lengths = segment_frames(int(script.spec.duration_s), whole.fps, OVERLAP_FRAMES)
    parts = [
        replace(whole, frames=frames, start_frame=start, whole_frames=whole.frames)
        for start, frames in zip(_start_frames(lengths), lengths, strict=True)
    ]
    return [_plan_segment(number, part, script, engine) for number, part in enumerate(parts, start=1)]


def _start_frames(lengths: Sequence[int]) -> list[int]:
    """The frame of the whole shot at which each segment begins."""
    return [0, *accumulate(frames - OVERLAP_FRAMES for frames in lengths[:-1])]


def _whole_shot(script: Script) -> Shot:
    spec = script.spec
    width, height = spec.size
    fps = script.authored.get("fps", spec.fps)
    shot = Shot(
        prompt=script.words.prompt,
        negative_prompt=script.words.negative_prompt,
        seed=script.seed,
        width=width,
        height=height,
        fps=fps,
        frames=round(spec.duration_s * fps),
        style=spec.style,
        scene_type=spec.scene_type.value,
        caption=spec.prompt,
        cast=script.cast.members,
        steps=script.preset.steps,
        cfg=script.preset.cfg,
        sampler=script.preset.sampler,
        scheduler=script.preset.scheduler,
        model=script.model,
        graph=script.graph,
    )
    return replace(shot, **script.authored)


def _plan_segment(number: int, shot: Shot, script: Script, engine: EngineVersion) -> SegmentPlan:
    shot_fingerprint = fingerprint(shot, engine=engine.name, engine_version=engine.version)
    return SegmentPlan(number, shot, engine.name, shot_fingerprint, reuse=not script.spec.force)
