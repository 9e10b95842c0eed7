"""What a studio can render now, by its workers and the ComfyUI of each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from db.models.workers import Worker, WorkerState
from tests.api.small_servers import reserve_refusing_address, serve_silence
from tests.fakes.comfyui.misbehaviour import PasswordRequired
from tests.fakes.comfyui.server import FakeComfyUI
from tests.tower.engines.comfyui.comfyui_shots import DOCUMENTED_MODELS
from tower.engines.comfyui.servers import ComfyUIServers
from tower.rendering.readiness import NO_WORKER
from tower.rendering.studio import Studio
from tower.settings import Settings

NAME = "gpu@box"


@pytest.fixture
def comfy() -> Iterator[FakeComfyUI]:
    with FakeComfyUI(models=DOCUMENTED_MODELS) as started:
        yield started


@pytest.fixture
def servers() -> Iterator[ComfyUIServers]:
    opened = ComfyUIServers(fresh_s=0)
    yield opened
    opened.close()


@pytest.fixture
def studio(servers: ComfyUIServers) -> Studio:
    return Studio(Settings(), servers)


def add_worker(session: Session, url: str | None, **columns: object) -> Worker:
    engine = "comfyui" if url else "animatic"
    values = {"name": NAME, "host": "box", "slots": 1, "engine": engine, "engines": ["animatic", engine]}
    worker = Worker(**{**values, "comfyui_url": url and url.replace("127.0.0.1", "0.0.0.0"), **columns})
    session.add(worker)
    session.flush()
    return worker


def test_a_studio_is_ready_with_a_worker_whose_comfyui_has_all(
    session: Session, studio: Studio, comfy: FakeComfyUI
) -> None:
    add_worker(session, comfy.url)
    found = studio.assess(session)
    assert (found.is_ready, found.engine, found.reason, found.note) == (True, "comfyui", None, None)
    assert {name: one.reason for name, one in studio.assess_workers(session).items()} == {NAME: None}


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        ("VHS_VideoCombine", "ComfyUI-VideoHelperSuite"),
        ("VHS_DuplicateLatents", "ComfyUI-VideoHelperSuite"),
        ("ADE_AnimateDiffLoaderGen1", "ComfyUI-AnimateDiff-Evolved"),
    ],
)
def test_a_lost_node_pack_is_named(session: Session, studio: Studio, comfy: FakeComfyUI, lost: str, named: str) -> None:
    add_worker(session, comfy.url)
    del comfy.object_info[lost]
    found = studio.assess(session)
    assert found.obstacle is None  # other workflows still run
    assert found.reason is not None
    assert lost in found.reason
    assert named in found.reason
    assert studio.assess_workers(session)[NAME].reason == found.reason


@pytest.mark.parametrize(
    ("loader", "model"),
    [
        ("VAELoader", "vae-ft-mse-840000-ema-pruned.safetensors"),
        ("ADE_AnimateDiffLoaderGen1", "mm-Stabilized_high.pth"),
        ("CheckpointLoaderSimple", "counterfeit_v3.safetensors"),
    ],
)
def test_a_lost_model_is_named(session: Session, studio: Studio, comfy: FakeComfyUI, loader: str, model: str) -> None:
    add_worker(session, comfy.url)
    for bounds in comfy.object_info[loader]["input"]["required"].values():
        choices = bounds[0] if isinstance(bounds[0], list) else (bounds[1:] or [{}])[0].get("options", [])
        if isinstance(choices, list) and model in choices:
            choices.remove(model)
    reason = studio.assess(session).reason or ""
    assert model in reason
    assert NAME in reason


def test_a_resting_a_stopped_and_a_silent_worker_are_not_ready(session: Session, studio: Studio) -> None:
    worker = add_worker(session, None)
    assert studio.assess(session).is_ready
    worker.state, worker.last_failure = WorkerState.UNWELL, "its disk is full"
    session.flush()
    found = studio.assess(session)
    assert found.reason == found.obstacle == f"{NAME} rests: its disk is full"
    worker.state, worker.seen_at = WorkerState.READY, datetime.now(UTC) - timedelta(minutes=3)
    session.flush()
    assert studio.assess(session).reason == NO_WORKER
    assert "has not reported for 18" in (studio.assess_workers(session)[NAME].reason or "")
    worker.state, worker.seen_at = WorkerState.STOPPED, datetime.now(UTC)
    session.flush()
    assert studio.assess(session).reason == NO_WORKER
    assert studio.assess_workers(session)[NAME].reason == f"{NAME} is stopped"


def test_one_worker_that_can_render_is_enough(session: Session, studio: Studio, comfy: FakeComfyUI) -> None:
    add_worker(session, comfy.url)
    with reserve_refusing_address() as refusing:
        add_worker(session, refusing, name="gpu@other")
        found = studio.assess(session)
    assert found.is_ready
    reasons = {one.name: one.reason for one in found.workers}
    assert reasons[NAME] is None
    assert "does not answer" in (reasons["gpu@other"] or "")


def test_without_comfyui_the_studio_is_ready_for_animatics_and_says_so(session: Session, studio: Studio) -> None:
    add_worker(session, None)
    found = studio.assess(session)
    assert (found.is_ready, found.engine) == (True, "animatic")
    assert "animatics" in (found.note or "")


def test_servers_that_are_silent_are_asked_at_once_and_not_for_long(session: Session, studio: Studio) -> None:
    with serve_silence() as silent:
        for number in range(3):
            add_worker(session, f"{silent}/{number}", name=f"gpu@{number}")
        began = time.monotonic()
        found = studio.assess(session, waits=False)
        assert time.monotonic() - began < 1
        assert found.is_ready  # nothing is known against it
        found = studio.assess(session)
        assert time.monotonic() - began < 8
    assert not found.is_ready


def test_a_server_that_only_its_worker_can_ask_is_not_doubted(
    session: Session, studio: Studio, comfy: FakeComfyUI
) -> None:
    worker = add_worker(session, comfy.url, comfyui_url="http://127.0.0.1:9", host="another")
    assert studio.assess(session).is_ready
    worker.comfyui_url = comfy.url.replace("127.0.0.1", "0.0.0.0")
    comfy.misbehave(PasswordRequired(authorization="Bearer x"))
    session.flush()
    assert studio.assess(session).is_ready
