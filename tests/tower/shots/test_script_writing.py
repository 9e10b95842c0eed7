"""The graph and the model that a shot is rendered with."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.jobs import JobType
from db.models.styles import StyleTemplate
from db.models.workers import Worker
from tower.engines.base import CastMember
from tower.errors import InvalidError, NotFoundError, UnavailableError
from tower.jobs import lifecycle
from tower.jobs.spec import EngineChoice, GenerationSpec
from tower.rendering.engine_choice import EngineVersion, choose_for_pool
from tower.settings import Settings
from tower.shots.cast import Cast
from tower.shots.planning import Script, plan_shot
from tower.shots.prompts import EnhancedPrompt
from tower.shots.script_writing import write_script

COMFYUI, ANIMATIC = EngineVersion("comfyui", "1"), EngineVersion("animatic", "1.0.0")
WORDS = EnhancedPrompt("neon city, anime", "blurry", "rules")
PLAIN = StyleTemplate(name="plain", sampler_settings={})
STEERED = (CastMember("Kai", reference_image="/media/kai.png"),)


def script(
    session: Session,
    cast: Cast | None = None,
    *,
    style: StyleTemplate | None = None,
    engine: EngineVersion = COMFYUI,
    **fields: Any,
) -> Script:
    spec = GenerationSpec.model_validate({"prompt": "neon city", **fields})
    job = lifecycle.open_job(session, spec, job_type=JobType.STANDARD)
    return write_script(session, job, cast or Cast(), WORDS, style=style or PLAIN, engine=engine)


def graph_name(session: Session, cast: Cast, fields: dict[str, Any]) -> str | None:
    graph = script(session, cast, **fields).graph
    return graph.name if graph else None


def test_an_engine_without_graphs_gets_none(session: Session) -> None:
    assert script(session, engine=ANIMATIC).graph is None


@pytest.mark.parametrize(
    ("cast", "fields", "expected"),
    [
        (Cast(), {}, "animatediff"),
        (Cast(members=STEERED), {}, "anime_character_v2"),
        (Cast(members=STEERED, workflow="img2img_reference"), {}, "img2img_reference"),
        (Cast(members=STEERED, workflow="img2img_reference"), {"workflow": "core_video"}, "core_video"),
    ],
)
def test_the_request_takes_precedence_over_the_character_and_the_default(
    session: Session, cast: Cast, fields: dict[str, Any], expected: str
) -> None:
    assert graph_name(session, cast, fields) == expected


def test_an_unregistered_workflow_of_a_character_stops_the_render(session: Session) -> None:
    with pytest.raises(NotFoundError, match="no_such_graph"):
        script(session, Cast(workflow="no_such_graph"))


def test_a_requested_model_takes_precedence_over_the_configured_one(session: Session) -> None:
    assert script(session).model == "counterfeit_v3.safetensors"
    assert script(session, model="mine.safetensors").model == "mine.safetensors"


def pool(session: Session, requested: EngineChoice = "auto", **settings: object) -> str:
    return choose_for_pool(session, requested, Settings.model_validate(settings)).name


def test_comfyui_is_used_if_this_machine_or_a_worker_has_one(session: Session) -> None:
    assert pool(session) == "animatic"
    assert pool(session, comfyui_url="http://127.0.0.1:8188") == "comfyui"
    session.add(Worker(name="gpu@box", host="box", slots=1, engine="comfyui"))
    assert pool(session) == "comfyui"
    assert pool(session, "animatic") == "animatic"
    assert pool(session, engine="animatic") == "animatic"


def test_comfyui_is_refused_if_no_machine_has_one(session: Session) -> None:
    with pytest.raises(UnavailableError, match="TOWER_COMFYUI_URL"):
        pool(session, "comfyui")


def test_a_professional_shot_stays_close_to_the_reference_by_default(session: Session) -> None:
    fields = {"type": "professional"}
    assert graph_name(session, Cast(members=STEERED), fields) == "img2img_reference"
    assert graph_name(session, Cast(), fields) == "animatediff"
    assert graph_name(session, Cast(members=STEERED, workflow="anime_character_v2"), fields) == "anime_character_v2"
    assert graph_name(session, Cast(members=STEERED), fields | {"workflow": "core_video"}) == "core_video"


def test_the_style_sets_the_sampler_and_the_preset_sets_the_rest(session: Session) -> None:
    style = StyleTemplate(name="quick", sampler_settings={"steps": 12, "sampler": "euler"})
    [plan] = plan_shot(script(session, style=style, quality="high"), COMFYUI)
    assert (plan.shot.steps, plan.shot.sampler, plan.shot.cfg, plan.shot.scheduler) == (12, "euler", 8.5, "karras")


@pytest.mark.parametrize("settings", [{"steps": 0}, {"cfg": "much"}, {"stepz": 20}, {"sampler": "../x"}])
def test_a_style_with_an_unknown_sampler_stops_the_render(session: Session, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidError, match="quick"):
        script(session, style=StyleTemplate(name="quick", sampler_settings=settings))
