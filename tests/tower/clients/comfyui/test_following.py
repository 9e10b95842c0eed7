"""Following a prompt under the faults that the contract lists for clients, as far as watching is concerned."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from tests import patient
from tests.fakes.comfyui import rig
from tests.fakes.comfyui.misbehaviour import (
    DeadWorker,
    LateHistory,
    Misbehaviour,
    Previews,
    RestartMidRun,
    SilentSocket,
    Slow,
    SocketDropped,
    SocketRefused,
)
from tests.fakes.comfyui.nodes import RenderPace
from tests.fakes.comfyui.replay import load_workflow
from tests.fakes.comfyui.server import FakeComfyUI
from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.clients.comfyui.jobs import PromptStatus
from tower.clients.comfyui.progress import FollowTimeouts, PromptProgress

QUICK = FollowTimeouts(tick_s=0.05, poll_s=0.2, silence_s=0.6, unreachable_s=2.0)
SAMPLER, SAVER = "8", "10"


@pytest.fixture(params=["0.33.0", "0.3.40"])
def comfy(request: pytest.FixtureRequest) -> Iterator[FakeComfyUI]:
    with FakeComfyUI(version=request.param, classes=rig.CLASSES, pace=RenderPace(per_step_s=0.1)) as started:
        yield started


@pytest.fixture
def client(comfy: FakeComfyUI) -> Iterator[ComfyUIClient]:
    with ComfyUIClient(comfy.url, timeout_s=2) as connected:
        yield connected


def test_each_step_is_reported_and_then_the_file(client: ComfyUIClient) -> None:
    updates = _submit_and_follow(client, steps=4)
    assert _steps(updates) == [1, 2, 3, 4]
    last = updates[-1]
    assert last.job.status is PromptStatus.DONE
    assert last.job.files[0].suffix == ".mp4"
    assert {SAMPLER, SAVER} <= last.finished_nodes


@pytest.mark.parametrize(
    "misbehaviour",
    [
        SilentSocket(after_messages=1, times=None),
        SilentSocket(after_messages=20),
        SocketDropped(at_step=1),
        SocketDropped(at_step=3),
        SocketRefused(times=None),
        LateHistory(by_s=0.4),
        Previews(),
    ],
    ids=str,
)
def test_the_end_is_reported_in_spite_of_socket_faults(
    comfy: FakeComfyUI, client: ComfyUIClient, misbehaviour: Misbehaviour
) -> None:
    comfy.misbehave(misbehaviour)
    assert _submit_and_follow(client, steps=4)[-1].job.status is PromptStatus.DONE


def test_a_silent_socket_is_reopened(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    comfy.misbehave(SilentSocket(after_messages=1), Slow(seconds_per_step=0.3))
    assert set(_steps(_submit_and_follow(client, steps=8))) & {5, 6, 7}


def test_after_a_dropped_socket_the_running_node_is_reported_again(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    """The server then sends `executing` without a prompt id."""
    comfy.misbehave(SocketDropped(at_step=1), Slow(seconds_per_step=0.5))
    updates = _submit_and_follow(client, steps=3)
    assert 2 in _steps(updates)  # A status request may report the end before the socket reports the third step.
    first_of_two = next(i for i, update in enumerate(updates) if update.value == 2)
    assert updates[first_of_two - 1].node == SAMPLER


def test_something_is_reported_at_least_every_tick(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    comfy.misbehave(Slow(seconds_per_step=1.0))
    times_s = [time.monotonic() for _ in _follow(client, _submit(client, steps=1))]
    assert max(later - earlier for earlier, later in pairwise(times_s)) < 0.6


def test_a_stalled_run_shows_no_progress_even_when_the_socket_is_reopened(
    comfy: FakeComfyUI, client: ComfyUIClient
) -> None:
    comfy.misbehave(DeadWorker())
    moves, until = [], time.monotonic() + 3
    for update in _follow(client, _submit(client, steps=4)):
        moves.append(update.changes)
        if time.monotonic() > until:
            break
    assert len(moves) > 20
    assert len(set(moves[len(moves) // 2 :])) == 1


def test_a_restart_ends_the_prompt_as_unknown(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    comfy.misbehave(RestartMidRun(at_step=2, down_s=0.3))
    assert _submit_and_follow(client, steps=4)[-1].job.status is PromptStatus.UNKNOWN


def test_an_unreachable_server_is_retried_and_then_abandoned(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    updates: list[PromptProgress] = []

    def killed_at_the_second_step() -> None:
        for update in _follow(client, _submit(client, steps=40)):
            updates.append(update)
            if update.value == 2:
                comfy.kill()

    with pytest.raises(ComfyUIError) as error:
        killed_at_the_second_step()
    assert error.value.fault is ComfyUIFault.UNREACHABLE
    assert updates[-1].is_unreachable
    assert not updates[0].is_unreachable


def test_other_clients_prompts_are_ignored(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    """Messages of a prompt without client_id go to every client."""
    graph = _graph(steps=9, seed=5)
    patient.post(f"{comfy.url}/prompt", json={"prompt": graph}).raise_for_status()
    updates = _submit_and_follow(client, steps=3)
    assert {update.maximum for update in updates if update.node == SAMPLER} <= {1.0, 3.0}
    assert updates[0].job.status is PromptStatus.QUEUED


def test_a_cached_run_ends_at_once_with_the_earlier_file(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    first, second = (_submit_and_follow(client, steps=2, seed=1)[-1] for _ in range(2))
    assert second.job.files == first.job.files
    assert SAMPLER in second.finished_nodes


def test_a_failure_is_reported_with_its_node(client: ComfyUIClient) -> None:
    prompt_id = str(uuid4())
    graph: dict[str, Any] = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 1}},
        "2": {"class_type": "RigRaise", "inputs": {"images": ["1", 0], "kind": "oom", "salt": 1}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "rig/err"}},
    }
    client.submit(graph, prompt_id, prompt_id)
    *_, last = _follow(client, prompt_id)
    assert last.job.status is PromptStatus.FAILED
    assert last.job.failure is not None
    assert (last.job.failure.node, last.job.failure.fault) == ("2", ComfyUIFault.OOM)


def _graph(*, steps: int, seed: int) -> dict[str, Any]:
    graph: dict[str, Any] = load_workflow("ade_gen1_vhs_tiny")
    graph[SAMPLER]["inputs"] |= {"steps": steps, "seed": seed}
    return graph


def _submit(client: ComfyUIClient, *, steps: int, seed: int | None = None) -> str:
    prompt_id = str(uuid4())
    seed = uuid4().int % 2**32 if seed is None else seed
    client.submit(_graph(steps=steps, seed=seed), prompt_id, prompt_id)
    return prompt_id


def _follow(client: ComfyUIClient, prompt_id: str) -> Iterator[PromptProgress]:
    with client.open_socket(prompt_id) as socket:
        yield from client.follow(prompt_id, socket, QUICK)


def _submit_and_follow(client: ComfyUIClient, *, steps: int, seed: int | None = None) -> list[PromptProgress]:
    """The client listens before the prompt is sent."""
    prompt_id = str(uuid4())
    seed = uuid4().int % 2**32 if seed is None else seed
    with client.open_socket(prompt_id) as socket:
        client.submit(_graph(steps=steps, seed=seed), prompt_id, prompt_id)
        return list(client.follow(prompt_id, socket, QUICK))


def _steps(updates: list[PromptProgress]) -> list[float]:
    """The sampler's steps, each once, in order."""
    steps = [update.value for update in updates if update.node == SAMPLER and update.maximum > 1]
    return list(dict.fromkeys(steps))
