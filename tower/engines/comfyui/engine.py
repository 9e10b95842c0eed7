"""Renders a shot on a ComfyUI server: submits it once, follows it to its end, downloads and checks the clip."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from uuid import UUID, uuid5

from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.clients.comfyui.jobs import PromptStatus
from tower.clients.comfyui.progress import FollowTimeouts
from tower.engines.base import Shot, Watch
from tower.engines.comfyui.clips import ExpectedClip, fetch_output
from tower.engines.comfyui.emphasis import with_plain_parentheses
from tower.engines.comfyui.execution import PromptRun, RunLimits, stop_prompt
from tower.engines.comfyui.plans import plan_run, with_smaller_window
from tower.engines.comfyui.progress import RenderReporter
from tower.engines.comfyui.run_plans import RunPlan
from tower.errors import CancelledError

log = logging.getLogger("tower.comfyui")
MAX_RERUNS = 4
RERUN_FAULTS = frozenset({ComfyUIFault.NO_FILE, ComfyUIFault.BAD_FILE, ComfyUIFault.WRONG_FRAMES})


@dataclass(frozen=True)
class ComfyUIEngine:
    """A render engine on one ComfyUI server.

    `no_progress_s`: how long a running prompt may make no progress, loading of models included, before it is stopped.
    `queue_stalled_s`: how long the queue may not move while the prompt waits. `doubt_s`: how long a prompt may take to
    appear after an unanswered submission, before it is sent again. `stop_s`: how long stopping a prompt may take.
    """

    client: ComfyUIClient
    _: KW_ONLY
    no_progress_s: float = 300.0
    queue_stalled_s: float = 1800.0
    doubt_s: float = 2.0
    stop_s: float = 20.0
    follow_timeouts: FollowTimeouts = field(default_factory=FollowTimeouts)

    def render(self, shot: Shot, *, prompt_id: str, target: Path, watch: Watch) -> tuple[str, ...]:
        """Render a clip, as defined by the Engine protocol. Returns remarks for the user about how it was made.

        The first run has the id `prompt_id`, and each further run an id derived from it (`run_ids`), so that a later
        call with the same `prompt_id` finds them too. Raises ComfyUIError, or what `watch` raises: after CancelledError
        the prompt is stopped on the server; after SupersededError it is left to the attempt that took over.
        """
        return self._render(shot, prompt_id, target, watch, still=False)

    def render_still(self, shot: Shot, *, prompt_id: str, target: Path, watch: Watch) -> tuple[str, ...]:
        """Render a picture with a graph that saves one. `target` is a picture file."""
        return self._render(replace(shot, frames=1), prompt_id, target, watch, still=True)

    def _render(self, shot: Shot, prompt_id: str, target: Path, watch: Watch, *, still: bool) -> tuple[str, ...]:
        teller, run_id = RenderReporter(watch), prompt_id
        expected = ExpectedClip(shot.width, shot.height, shot.frames, is_still=still)
        tried: set[ComfyUIFault] = set()
        try:
            teller.report(0.0, "preparing")
            shot, remarks = with_plain_parentheses(shot)
            for remark in remarks:
                teller.remark(remark)
            plan = plan_run(self.client, shot, teller, still=still)
            for run_id in run_ids(prompt_id):
                try:
                    self._run(plan, run_id, target, expected, teller=teller)
                    return tuple(teller.remarks)
                except ComfyUIError as error:
                    plan = self._next_plan(plan, error, tried, teller)
        except CancelledError:
            stop_prompt(self.client, run_id, within_s=self.stop_s)
            raise
        raise ComfyUIError(
            ComfyUIFault.INTERRUPTED, f"ComfyUI stopped {MAX_RERUNS + 1} runs of this shot; see its queue"
        )

    def _run(self, plan: RunPlan, run_id: str, target: Path, expected: ExpectedClip, *, teller: RenderReporter) -> None:
        """Run one prompt to its end. Raises ComfyUIError unless the result is as expected."""
        limits = RunLimits(self.no_progress_s, self.queue_stalled_s, self.doubt_s, self.stop_s, self.follow_timeouts)
        graph = plan.build_graph(run_id)
        job = PromptRun(self.client, run_id, graph, plan.info, limits).wait_for_result(teller)
        if job.status is PromptStatus.FAILED and job.failure is not None:
            raise job.failure.to_error()
        expected = replace(expected, rendered=plan.rendered_form(graph))
        fetch_output(self.client, job, target, expected=expected, reporter=teller)

    def _next_plan(
        self, plan: RunPlan, error: ComfyUIError, tried: set[ComfyUIFault], teller: RenderReporter
    ) -> RunPlan:
        """The plan of the next run after an error. Each remedy is tried once; raises the error if none is left."""
        if error.fault is ComfyUIFault.STOPPED_BEFORE:
            return plan
        if error.fault in tried or (error.fault in RERUN_FAULTS and tried & RERUN_FAULTS):
            raise error
        tried.add(error.fault)
        if error.fault is ComfyUIFault.OOM:
            teller.retry(self.client.free_memory)
            plan, change = with_smaller_window(plan)
            teller.remark(f"ComfyUI ran out of memory: models unloaded, rendered again {change}")
        elif error.fault in RERUN_FAULTS:
            teller.remark(f"Rendered again, because: {error.message}")
        else:
            raise error
        log.warning("Rendering again after an error: %s", error.message)
        return plan


def run_ids(prompt_id: str) -> Iterator[str]:
    """The ids of the runs: `prompt_id`, then UUIDs of version 5 in its namespace."""
    yield prompt_id
    for number in range(1, MAX_RERUNS + 1):
        yield str(uuid5(UUID(prompt_id), f"rerun-{number}"))
