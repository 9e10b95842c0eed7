"""A shot drawn by a ComfyUI server: sent once, watched to its end, fetched, and checked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from uuid import UUID, uuid5

from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, Fault
from tower.clients.comfyui.jobs import Where
from tower.clients.comfyui.progress import Patience
from tower.engines.base import Shot, Watch
from tower.engines.comfyui.clips import Wanted, take
from tower.engines.comfyui.execution import Limits, Prompt, stop
from tower.engines.comfyui.plans import Plan, plan_for, smaller
from tower.engines.comfyui.progress import Teller
from tower.errors import CancelledError

log = logging.getLogger("tower.comfyui")
RERUNS = 4
WORTH_A_RERUN = frozenset({Fault.NO_FILE, Fault.BAD_FILE, Fault.WRONG_FRAMES})


@dataclass(frozen=True)
class ComfyUIEngine:
    """One ComfyUI server as an engine.

    `no_progress_s`: so long may a running prompt stand still, the loading of models included, before it is stopped.
    `queue_stalled_s`: so long may the server's queue stand still while the prompt waits in it. `doubt_s`: so long may
    a prompt whose sending was not answered still turn up, before it is sent again. `stop_s`: so long may the server
    take to stop a prompt.
    """

    client: ComfyUIClient
    _: KW_ONLY
    no_progress_s: float = 300.0
    queue_stalled_s: float = 1800.0
    doubt_s: float = 2.0
    stop_s: float = 20.0
    patience: Patience = field(default_factory=Patience)

    def render(self, shot: Shot, *, prompt_id: str, target: Path, watch: Watch) -> tuple[str, ...]:
        """A clip, as the Engine protocol says; what is worth knowing of how it was made comes back in sentences.

        Runs under `prompt_id`; each run after that, under an id derived from it (`run_ids`), so that a later call with
        the same `prompt_id` finds those too. Raises ComfyUIError, or what `watch` raises: after CancelledError the
        prompt is stopped on the server; after SupersededError it is left to the attempt that took it over.
        """
        return self._make(shot, prompt_id, target, watch, still=False)

    def still(self, shot: Shot, *, prompt_id: str, target: Path, watch: Watch) -> tuple[str, ...]:
        """The same for a graph that saves one picture: `target` is then a picture file."""
        return self._make(replace(shot, frames=1), prompt_id, target, watch, still=True)

    def _make(self, shot: Shot, prompt_id: str, target: Path, watch: Watch, *, still: bool) -> tuple[str, ...]:
        teller, run_id = Teller(watch), prompt_id
        wanted = Wanted(shot.width, shot.height, shot.frames, still=still)
        mended: set[Fault] = set()
        try:
            teller.tell(0.0, "preparing")
            plan = plan_for(self.client, shot, teller)
            for run_id in run_ids(prompt_id):
                try:
                    self._run(plan, run_id, target, wanted, teller=teller)
                    return tuple(teller.remarks)
                except ComfyUIError as error:
                    plan = self._mended(plan, error, mended, teller)
        except CancelledError:
            stop(self.client, run_id, within_s=self.stop_s)
            raise
        raise ComfyUIError(Fault.INTERRUPTED, f"ComfyUI stopped {RERUNS + 1} runs of this shot; see its queue")

    def _run(self, plan: Plan, run_id: str, target: Path, wanted: Wanted, *, teller: Teller) -> None:
        """One prompt to its end. Raises ComfyUIError for any other end than a clip that is as asked."""
        limits = Limits(self.no_progress_s, self.queue_stalled_s, self.doubt_s, self.stop_s, self.patience)
        job = Prompt(self.client, run_id, plan.graph(run_id), plan.info, limits).result(teller)
        if job.where is Where.FAILED and job.failure is not None:
            raise job.failure.error()
        take(self.client, job, target, wanted=wanted, teller=teller)

    def _mended(self, plan: Plan, error: ComfyUIError, mended: set[Fault], teller: Teller) -> Plan:
        """What to run next, after the one thing that may help; each is tried once. Raises the error if nothing may."""
        if error.fault is Fault.STOPPED_BEFORE:
            return plan
        if error.fault in mended or (error.fault in WORTH_A_RERUN and mended & WORTH_A_RERUN):
            raise error
        mended.add(error.fault)
        if error.fault is Fault.OOM:
            teller.patiently(self.client.free)
            plan, change = smaller(plan)
            teller.remark(f"ComfyUI ran out of memory: models unloaded, rendered again {change}")
        elif error.fault in WORTH_A_RERUN:
            teller.remark(f"Rendered again, because: {error.message}")
        else:
            raise error
        log.warning("Again: %s", error.message)
        return plan


def run_ids(prompt_id: str) -> Iterator[str]:
    """The id of the first run and of those after it: UUIDs of version 5 in the namespace of the first."""
    yield prompt_id
    for number in range(1, RERUNS + 1):
        yield str(uuid5(UUID(prompt_id), f"rerun-{number}"))
