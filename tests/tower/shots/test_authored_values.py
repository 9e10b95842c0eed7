"""A user's workflow is sent with the values of its author, except those that a user names."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.jobs import JobType
from db.models.projects import Project, ProjectSettings, QualityPreset
from db.models.styles import StyleTemplate
from tower.engines.base import Shot
from tower.engines.comfyui.filling import fill_graph
from tower.jobs.production import decide_spec, open_decided_job
from tower.presets.defaults import ModelChoice, save_defaults
from tower.presets.styles import find_style
from tower.rendering.engine_choice import EngineVersion
from tower.shots.authored_values import keep_authored_values, warn_of_unused
from tower.shots.cast import Cast
from tower.shots.planning import plan_seconds, plan_shot
from tower.shots.prompts import EnhancedPrompt
from tower.shots.script_writing import write_script
from tower.workflows.graph import Binding, WorkflowGraph
from tower.workflows.store import register_workflow

COMFYUI = EngineVersion("comfyui", "1")
GRAPH: dict[str, Any] = {
    "model": {"class_type": "Loader", "inputs": {"unet_name": "wan.safetensors"}},
    "text": {"class_type": "Encode", "inputs": {"text": "a cat"}},
    "negative": {"class_type": "Encode", "inputs": {"text": "still"}},
    "latent": {"class_type": "Latent", "inputs": {"width": 512, "height": 288, "length": 81}},
    "sampler": {
        "class_type": "Sampler",
        "inputs": {"seed": 1, "steps": 10, "cfg": 1.0, "sampler_name": "uni_pc", "scheduler": "simple"},
    },
    "video": {"class_type": "Combine", "inputs": {"frame_rate": 16, "filename_prefix": "x"}},
}
BINDINGS = {
    "model": [Binding("model", "unet_name")],
    "prompt": [Binding("text", "text")],
    "negative": [Binding("negative", "text")],
    "width": [Binding("latent", "width")],
    "height": [Binding("latent", "height")],
    "frames": [Binding("latent", "length")],
    "seed": [Binding("sampler", "seed")],
    "steps": [Binding("sampler", "steps")],
    "cfg": [Binding("sampler", "cfg")],
    "sampler": [Binding("sampler", "sampler_name")],
    "scheduler": [Binding("sampler", "scheduler")],
    "fps": [Binding("video", "frame_rate")],
    "prefix": [Binding("video", "filename_prefix")],
}
AUTHORED = {
    ("latent", "width"): 512,
    ("latent", "height"): 288,
    ("latent", "length"): 81,
    ("sampler", "steps"): 10,
    ("sampler", "cfg"): 1.0,
    ("sampler", "sampler_name"): "uni_pc",
    ("sampler", "scheduler"): "simple",
    ("video", "frame_rate"): 16,
    ("model", "unet_name"): "wan.safetensors",
    ("negative", "text"): "still",
}
PRESET_LOW = {
    ("latent", "width"): 768,
    ("latent", "height"): 768,
    ("sampler", "steps"): 20,
    ("sampler", "cfg"): 7.0,
    ("sampler", "sampler_name"): "dpmpp_2m",
    ("sampler", "scheduler"): "karras",
}


def plan(session: Session, *, job_type: JobType = JobType.STANDARD, **fields: Any) -> Shot:
    """The shot of a request with these fields, for the workflow `wan`."""
    register_workflow(session, "wan", GRAPH, bindings=BINDINGS)
    decided = decide_spec(session, {"prompt": "a fox", "workflow": "wan", "seed": 7, **fields})
    job = open_decided_job(session, decided, job_type=job_type)
    style = find_style(session, decided.spec.style, project_id=decided.spec.project_id)
    words = EnhancedPrompt("a fox, anime", "lowres, watermark", "rules")
    script = write_script(session, job, Cast(), words, style=style, engine=COMFYUI)
    return (plan_seconds if job_type == JobType.FAST else plan_shot)(script, COMFYUI)[0].shot


def sent(shot: Shot) -> dict[tuple[str, str], Any]:
    """What is sent for the shot, by node and input."""
    assert shot.graph is not None
    graph = fill_graph(shot.graph, shot, prefix="tower/1", reference_name=None, info={})
    return {(node, name): value for node, content in graph.items() for name, value in content["inputs"].items()}


def test_only_prompt_and_seed_are_sent_if_nothing_is_named(session: Session) -> None:
    shot = plan(session)
    new = {("text", "text"): "a fox, anime", ("sampler", "seed"): 7, ("video", "filename_prefix"): "tower/1"}
    assert sent(shot) == AUTHORED | new
    assert (shot.width, shot.height, shot.fps, shot.frames) == (512, 288, 16, 81)
    assert (shot.model, shot.steps, shot.negative_prompt) == ("wan.safetensors", 10, "still")


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"duration_s": 2}, {("latent", "length"): 32}),
        ({"duration_s": 2, "fps": 24}, {("latent", "length"): 48, ("video", "frame_rate"): 24}),
        ({"fps": 24}, {("video", "frame_rate"): 24}),
        ({"width": 640, "height": 384}, {("latent", "width"): 640, ("latent", "height"): 384}),
        ({"quality": "low"}, PRESET_LOW),
        ({"steps": 6}, {("sampler", "steps"): 6}),
        ({"model": "mine.safetensors"}, {("model", "unet_name"): "mine.safetensors"}),
        ({"negative_prompt": "rain"}, {("negative", "text"): "rain"}),
    ],
)
def test_what_the_request_names_is_sent_and_nothing_else(
    session: Session, fields: dict[str, Any], changed: dict[tuple[str, str], Any]
) -> None:
    values = sent(plan(session, **fields))
    assert {key: values[key] for key in AUTHORED} == AUTHORED | changed


def test_a_named_style_brings_its_sampler_and_its_negative_prompt(session: Session) -> None:
    session.add(StyleTemplate(name="ink", prompt="ink", negative_prompt="colour", sampler_settings={"steps": 12}))
    session.flush()
    values = sent(plan(session, style="ink"))
    changed = {("sampler", "steps"): 12, ("negative", "text"): "colour"}
    assert {key: values[key] for key in AUTHORED} == AUTHORED | changed


def test_the_settings_of_the_project_and_of_the_configuration_are_sent(session: Session) -> None:
    save_defaults(session, model=ModelChoice("configured.safetensors", verified=True))
    project = Project(name="p", settings=ProjectSettings(quality_preset=QualityPreset.FAST, fps=12))
    session.add(project)
    session.flush()
    values = sent(plan(session, project_id=project.id))
    changed = PRESET_LOW | {("video", "frame_rate"): 12, ("model", "unet_name"): "configured.safetensors"}
    assert {key: values[key] for key in AUTHORED} == AUTHORED | changed


def test_a_fast_shot_has_segments_of_one_second_at_the_rate_of_the_graph(session: Session) -> None:
    shot = plan(session, job_type=JobType.FAST)
    assert (shot.fps, shot.frames, shot.whole_frames) == (16, 20, 48)
    assert sent(shot)[("latent", "length")] == 20


def test_a_size_or_length_without_a_plain_value_is_sent(session: Session) -> None:
    wired = {**GRAPH, "latent": {"class_type": "Latent", "inputs": {"width": ["a", 0], "height": 288, "length": 81}}}
    authored = keep_authored_values(WorkflowGraph("wan", 1, wired, BINDINGS), frozenset())
    assert {"width", "height"} <= authored.graph.bindings.keys()
    assert "frames" not in authored.graph.bindings
    assert authored.values.keys() & {"width", "height"} == set()


def test_what_is_named_without_an_input_for_it_is_said() -> None:
    assert warn_of_unused(WorkflowGraph("wan", 1, GRAPH, BINDINGS), frozenset(BINDINGS)) == ()
    few = WorkflowGraph("wan", 1, GRAPH, {"seed": BINDINGS["seed"], "steps": []})
    [prompt, steps] = warn_of_unused(few, frozenset({"steps", "seed"}))
    assert "wan has no input for prompt: the text in its graph is rendered" in prompt
    assert "wan has no input for steps: its graph decides" in steps
