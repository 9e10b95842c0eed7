"""The faults of a ComfyUI that clients must handle, by name. Items refer to the last list of the contract, comfyui.md.

`times` is the number of occurrences (None: until `stop_misbehaving()`), counted in prompts, sockets, downloads
or requests.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar, get_type_hints


@dataclass(frozen=True, kw_only=True)
class Misbehaviour:
    times: int | None = 1


@dataclass(frozen=True, kw_only=True)
class SilentSocket(Misbehaviour):
    """A socket opens, sends that many messages and then nothing, without being closed (item 2)."""

    after_messages: int = 1


@dataclass(frozen=True, kw_only=True)
class SocketDropped(Misbehaviour):
    """The client's socket breaks with 1006 during the run, at that sampler step. The run continues (items 2 and 3)."""

    at_step: int = 1


@dataclass(frozen=True, kw_only=True)
class SocketRefused(Misbehaviour):
    """The handshake of a socket is answered with 403; HTTP continues (item 2)."""


@dataclass(frozen=True, kw_only=True)
class NodeErrors(Misbehaviour):
    """POST /prompt answers 200 with node_errors: the first output was dropped, and its prompt succeeds without it (the
    table of POST /prompt).
    """


@dataclass(frozen=True, kw_only=True)
class SuccessWithoutFile(Misbehaviour):
    """VHS or SaveVideo reports success and a file name, and there is no file (item 1)."""


@dataclass(frozen=True, kw_only=True)
class CachedFileGone(Misbehaviour):
    """The whole prompt is a cache hit on an old file name, whose file was deleted: /view answers 404 (item 5)."""


@dataclass(frozen=True, kw_only=True)
class RestartMidRun(Misbehaviour):
    """The process is killed at that sampler step and comes back `down_s` seconds later, with no queue, no history and
    no cache; numbers start at 0, sockets close with 1006, files stay (item 6)."""

    at_step: int = 1
    down_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class DeadWorker(Misbehaviour):
    """The worker thread dies at a node of that class. HTTP continues, the prompt stays "running", and interrupt does
    nothing (item 7). Only `restart()` ends it.
    """

    at: str = "KSampler"


@dataclass(frozen=True, kw_only=True)
class OutOfMemory(Misbehaviour):
    """torch.OutOfMemoryError at the sampler (item 8), where the graph is above the sizes given, or always. With
    `until_freed`, a POST /free that unloads models ends it."""

    above_frames: int | None = None
    above_context: int | None = None
    above_pixels: int | None = None
    until_freed: bool = False

    def applies_to(self, *, frames: int, context: int, pixels: int) -> bool:
        """`context` is the number of frames sampled at once, `pixels` width × height."""
        bounds = [(self.above_frames, frames), (self.above_context, context), (self.above_pixels, pixels)]
        limits = [(most, size) for most, size in bounds if most is not None]
        return not limits or any(size > most for most, size in limits)


@dataclass(frozen=True, kw_only=True)
class NodeFails(Misbehaviour):
    """execution_error at a node of that class, with that message (items 8 and 9)."""

    at: str = "KSampler"
    exception_type: str = "RuntimeError"
    message: str = "mat1 and mat2 shapes cannot be multiplied (616x2048 and 768x320)"


@dataclass(frozen=True, kw_only=True)
class Slow(Misbehaviour):
    """Every sampler step of a prompt takes that much longer (item 7: slow is not dead)."""

    seconds_per_step: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ServerError(Misbehaviour):
    """A request to that path is answered with a 5xx text. A POST /prompt then queues nothing (the table of POST
    /prompt).
    """

    path: str = "/prompt"
    status: int = 500


@dataclass(frozen=True, kw_only=True)
class ProxyAnswer(Misbehaviour):
    """A proxy before the server answers a request, of which the path begins with `path`. `form`: a key of FORMS."""

    path: str = "/"
    status: int = 429
    form: str = "json"


@dataclass(frozen=True, kw_only=True)
class PasswordRequired(Misbehaviour):
    """A proxy before the server answers 401 to every request and socket without this Authorization and query."""

    times: int | None = None
    authorization: str | None = None
    query: str = ""

    def allows(self, authorization: str | None, query: str) -> bool:
        return self.authorization in (None, authorization) and self.query in query


@dataclass(frozen=True, kw_only=True)
class TimeoutAfterAccepting(Misbehaviour):
    """POST /prompt queues the prompt and then answers late or, with None, never ("POST /prompt": on doubt, ask)."""

    answer_after_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Hangs(Misbehaviour):
    """A request to that path is accepted and never answered."""

    path: str = "/queue"


@dataclass(frozen=True, kw_only=True)
class TruncatedDownload(Misbehaviour):
    """/view sends that share of the file and breaks off: Content-Length is larger than the part received (item 1)."""

    share: float = 0.5


@dataclass(frozen=True, kw_only=True)
class ShortFile(Misbehaviour):
    """The file on the server is cut to that share, and /view sends it whole (item 1)."""

    share: float = 0.5


@dataclass(frozen=True, kw_only=True)
class WrongFrameCount(Misbehaviour):
    """The file has that many frames more or fewer than the graph requests (item 1)."""

    by: int = -1


@dataclass(frozen=True, kw_only=True)
class GarbageFile(Misbehaviour):
    """The file is no video at all (item 1)."""


@dataclass(frozen=True, kw_only=True)
class BlackPicture(Misbehaviour):
    """All frames are black, as when half precision overflows in the VAE: a valid file without a picture."""


@dataclass(frozen=True, kw_only=True)
class FrozenPicture(Misbehaviour):
    """All frames equal the first one, as with a motion module that moves nothing: a valid file without motion."""


@dataclass(frozen=True, kw_only=True)
class PaddedFile(Misbehaviour):
    """An empty box at the end makes the MP4 that large; it stays a valid file. For tests of streaming."""

    file_bytes: int = 200_000_000


@dataclass(frozen=True, kw_only=True)
class InterruptTooLate(Misbehaviour):
    """An interrupt is answered with 200 but takes effect in the last node, so the run succeeds ("Queue, interrupt")."""


@dataclass(frozen=True, kw_only=True)
class LateHistory(Misbehaviour):
    """History is written that long after execution_success ("Messages of one run": it comes after)."""

    by_s: float = 0.3


@dataclass(frozen=True, kw_only=True)
class Previews(Misbehaviour):
    """The server was started with previews on: binary frames are sent without a request ("Messages of one run")."""

    times: int | None = None


Kind = TypeVar("Kind", bound=Misbehaviour)


class ActiveMisbehaviours:
    """The active misbehaviours, each until its `times` are used up. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Misbehaviour, int | None]] = []

    def add(self, *kinds: Misbehaviour) -> None:
        with self._lock:
            self._left += [(kind, kind.times) for kind in kinds]

    def clear(self) -> None:
        with self._lock:
            self._left.clear()

    def take(self, kind: type[Kind], fits: Callable[[Kind], bool] = lambda _: True) -> Kind | None:
        """The first active misbehaviour of that kind that fits, with one use less; None if there is none."""
        with self._lock:
            for index, (candidate, uses) in enumerate(self._left):
                if isinstance(candidate, kind) and fits(candidate):
                    self._left[index : index + 1] = [] if uses == 1 else [(candidate, uses and uses - 1)]
                    return candidate
        return None

    def on_models_unloaded(self) -> None:
        """Models were unloaded."""
        with self._lock:
            self._left = [(k, uses) for k, uses in self._left if not (isinstance(k, OutOfMemory) and k.until_freed)]


def parse_misbehaviour(text: str) -> Misbehaviour:
    """`out-of-memory:times=2,above_frames=24` and the like.

    Raises ValueError for an unknown name or setting, or a value of the wrong type.
    """
    name, _, settings = text.partition(":")
    kind = NAMES.get(name)
    if kind is None:
        raise ValueError(f"there is no misbehaviour {name}; there are {', '.join(NAMES)}")
    types, pairs = get_type_hints(kind), [setting.partition("=") for setting in settings.split(",") if setting]
    if unknown := {key for key, _, _ in pairs} - types.keys():
        raise ValueError(f"{name} has no setting {', '.join(sorted(unknown))}; it has {', '.join(types)}")
    return kind(**{key: _value(types[key], value) for key, _, value in pairs})


def _value(expected: Any, text: str) -> Any:
    if expected is bool:
        return {"true": True, "false": False}[text]
    if text == "none":
        return None
    if expected is str:
        return text
    return float(text) if float in (expected, *getattr(expected, "__args__", ())) else int(text)


def describe_all() -> str:
    """One line per name, for --help."""
    return "\n".join(f"{name}({', '.join(f.name for f in fields(kind))})" for name, kind in NAMES.items())


NAMES: dict[str, type[Misbehaviour]] = {
    re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower(): kind for kind in Misbehaviour.__subclasses__()
}
