"""Following a prompt: what the last list of the contract says that a client must survive, as far as watching goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from uuid import uuid4

import httpx
import pytest

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
    with ComfyUIClient(comfy.url, timeout_s=2) as opened:
        yield opened


def test_each_step_is_seen_and_then_the_file(client: ComfyUIClient) -> None:
    seen = _followed(client, steps=4)
    assert _steps(seen) == [1, 2, 3, 4]
    last = seen[-1]
    assert last.job.status is PromptStatus.DONE
    assert last.job.files[0].suffix == ".mp4"
    assert {SAMPLER, SAVER} <= last.finished_nodes


@pytest.mark.parametrize(
    "trouble",
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
def test_the_end_is_seen_whatever_the_socket_does(
    comfy: FakeComfyUI, client: ComfyUIClient, trouble: Misbehaviour
) -> None:
    comfy.misbehave(trouble)
    assert _followed(client, steps=4)[-1].job.status is PromptStatus.DONE


def test_a_silent_socket_is_opened_anew(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    comfy.misbehave(SilentSocket(after_messages=1), Slow(seconds_per_step=0.3))
    assert set(_steps(_followed(client, steps=8))) & {5, 6, 7}


def test_after_a_dropped_socket_the_node_at_work_is_known_again(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    """The server then says `executing` without naming a prompt."""
    comfy.misbehave(SocketDropped(at_step=1), Slow(seconds_per_step=0.5))
    seen = _followed(client, steps=3)
    assert 2 in _steps(seen)  # the end may be seen by asking before the socket tells of the third
    first_of_two = next(i for i, sight in enumerate(seen) if sight.value == 2)
    assert seen[first_of_two - 1].node == SAMPLER


def test_something_is_seen_at_least_every_tick(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    comfy.misbehave(Slow(seconds_per_step=1.0))
    at = [time.monotonic() for _ in _follow(client, _sent(client, steps=1))]
    assert max(later - earlier for earlier, later in pairwise(at)) < 0.6


def test_what_stands_still_does_not_move_even_when_the_socket_is_opened_anew(
    comfy: FakeComfyUI, client: ComfyUIClient
) -> None:
    comfy.misbehave(DeadWorker())
    moves, until = [], time.monotonic() + 3
    for sight in _follow(client, _sent(client, steps=4)):
        moves.append(sight.changes)
        if time.monotonic() > until:
            break
    assert len(moves) > 20
    assert len(set(moves[len(moves) // 2 :])) == 1


def test_a_restart_ends_it_as_unknown(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    comfy.misbehave(RestartMidRun(at_step=2, down_s=0.3))
    assert _followed(client, steps=4)[-1].job.status is PromptStatus.UNKNOWN


def test_a_server_that_goes_away_is_waited_for_and_then_given_up(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    seen: list[PromptProgress] = []

    def killed_at_the_second_step() -> None:
        for sight in _follow(client, _sent(client, steps=40)):
            seen.append(sight)
            if sight.value == 2:
                comfy.kill()

    with pytest.raises(ComfyUIError) as told:
        killed_at_the_second_step()
    assert told.value.fault is ComfyUIFault.UNREACHABLE
    assert seen[-1].is_unreachable
    assert not seen[0].is_unreachable


def test_prompts_of_others_are_not_ours(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    """One sent without client_id is told to everyone."""
    graph = _graph(steps=9, seed=5)
    httpx.post(f"{comfy.url}/prompt", json={"prompt": graph}).raise_for_status()
    seen = _followed(client, steps=3)
    assert {sight.maximum for sight in seen if sight.node == SAMPLER} <= {1.0, 3.0}
    assert seen[0].job.status is PromptStatus.QUEUED


def test_a_cached_run_ends_at_once_with_the_old_file(comfy: FakeComfyUI, client: ComfyUIClient) -> None:
    first, second = (_followed(client, steps=2, seed=1)[-1] for _ in range(2))
    assert second.job.files == first.job.files
    assert SAMPLER in second.finished_nodes


def test_a_failure_is_seen_with_its_node(client: ComfyUIClient) -> None:
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


def _sent(client: ComfyUIClient, *, steps: int, seed: int | None = None) -> str:
    prompt_id = str(uuid4())
    seed = uuid4().int % 2**32 if seed is None else seed
    client.submit(_graph(steps=steps, seed=seed), prompt_id, prompt_id)
    return prompt_id


def _follow(client: ComfyUIClient, prompt_id: str) -> Iterator[PromptProgress]:
    with client.open_socket(prompt_id) as socket:
        yield from client.follow(prompt_id, socket, QUICK)


def _followed(client: ComfyUIClient, *, steps: int, seed: int | None = None) -> list[PromptProgress]:
    """Listened to from before it is sent."""
    prompt_id = str(uuid4())
    seed = uuid4().int % 2**32 if seed is None else seed
    with client.open_socket(prompt_id) as socket:
        client.submit(_graph(steps=steps, seed=seed), prompt_id, prompt_id)
        return list(client.follow(prompt_id, socket, QUICK))


def _steps(seen: list[PromptProgress]) -> list[float]:
    """Of the sampler, each once, in order."""
    steps = [sight.value for sight in seen if sight.node == SAMPLER and sight.maximum > 1]
    return list(dict.fromkeys(steps))
