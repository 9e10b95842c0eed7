"""A strict, stateful stand-in for a ComfyUI server: real HTTP, a real websocket, real files.

In a test: `with FakeComfyUI() as comfy: ...`. As a process of its own:
`python -m tests.fakes.comfyui.server --port 8188 --seconds-per-frame 0.07 --misbehave out-of-memory:times=2`.
It agrees with the recordings in tests/recordings/comfyui; test_comfyui_fake.py holds it to them.
"""

from __future__ import annotations

import argparse
import copy
import signal
import tempfile
import threading
import time
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.fakes.comfyui.files import ServerFolders
from tests.fakes.comfyui.misbehaviour import Misbehaviour, describe_all, parse_misbehaviour
from tests.fakes.comfyui.nodes import RenderPace
from tests.fakes.comfyui.process import HOST, ServerProcess
from tests.fakes.comfyui.setup import (
    VERSION,
    FakeGpu,
    FakeSetup,
    SubmittedPrompt,
    add_models,
    load_object_info,
    load_recorded,
)

MAX_UPLOAD_BYTES = 100 * 1024 * 1024


class FakeComfyUI:
    """One server with one GPU. Several instances act as several GPUs.

    Port 0 takes a free one, and a restart keeps it. An old `version` lacks features of newer ones: /api/jobs (0.5.1),
    its cancel (0.25.0), interrupt by prompt_id (0.3.56). `models` adds model files by folder, `classes` adds node
    classes in the form of object_info, `without` removes classes. Files are in a folder that is removed with the fake.
    """

    def __init__(
        self,
        *,
        host: str = HOST,
        port: int = 0,
        pace: RenderPace | None = None,
        version: str = VERSION,
        gpu: FakeGpu | None = None,
        models: dict[str, list[str]] | None = None,
        classes: dict[str, Any] | None = None,
        without: Collection[str] = (),
        max_upload_bytes: int = MAX_UPLOAD_BYTES,
    ) -> None:
        info = {name: class_info for name, class_info in load_object_info().items() if name not in without}
        info |= copy.deepcopy(classes or {})
        add_models(info, models or {})
        self._files = tempfile.TemporaryDirectory(prefix="fake-comfyui-", ignore_cleanup_errors=True)
        self._setup = FakeSetup(
            folders=ServerFolders(Path(self._files.name)),
            pace=pace or RenderPace(),
            version=version,
            gpu=gpu,
            max_upload_bytes=max_upload_bytes,
            models=_folders_with(models or {}),
            object_info=info,
            restart=self._restart_soon,
        )
        self._lock = threading.RLock()
        self._life: ServerProcess | None = None
        self._host = host
        self._port = port

    def __enter__(self) -> FakeComfyUI:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._files.cleanup()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    @property
    def prompts(self) -> list[SubmittedPrompt]:
        """The accepted prompts in order, across restarts."""
        return self._setup.prompts

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and path of every request so far."""
        return self._setup.requests

    @property
    def frees(self) -> list[dict[str, Any]]:
        """The bodies of POST /free."""
        return self._setup.frees

    @property
    def object_info(self) -> dict[str, Any]:
        """May be changed while the fake runs."""
        return self._setup.object_info

    @property
    def output_folder(self) -> Path:
        return self._setup.folders.root / "output"

    @property
    def input_folder(self) -> Path:
        return self._setup.folders.root / "input"

    def misbehave(self, *kinds: Misbehaviour) -> None:
        self._setup.misbehaviours.add(*kinds)

    def stop_misbehaving(self) -> None:
        """End all misbehaviour. A dead worker thread returns only with a restart."""
        self._setup.misbehaviours.clear()

    def start(self) -> None:
        with self._lock:
            self._life = ServerProcess(self._setup, self._port, host=self._host)
            self._port = self._life.port
            self._life.start()

    def kill(self) -> None:
        """Stop listening; queue, history and cache are lost. Does nothing if it is already down."""
        with self._lock:
            if self._life is not None:
                self._life.kill()
                self._life = None

    def restart(self, down_s: float = 0.0) -> None:
        """Restart, and return when the server answers."""
        with self._lock:
            self.kill()
            time.sleep(down_s)
            self.start()

    def _restart_soon(self, down_s: float) -> None:
        """Restart from the worker thread, which must end first."""
        threading.Thread(target=self._restart_if_up, args=(down_s,), name="fake ComfyUI restart").start()

    def _restart_if_up(self, down_s: float) -> None:
        with self._lock:
            if self._life is not None:
                self.restart(down_s)


def _folders_with(models: dict[str, list[str]]) -> dict[str, list[str]]:
    """Model files by folder: the recorded ones and `models`."""
    known: dict[str, list[str]] = {folder: [] for folder in load_recorded("models")}
    for folder in ("checkpoints", "vae", "animatediff_models"):
        known[folder] = load_recorded(f"models_{folder}")
    for folder, names in models.items():
        known[folder] = known.get(folder, []) + names
    return known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the address that it listens at")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds-per-frame", type=float, default=0.0, help="spread over the sampler's steps")
    parser.add_argument("--seconds-per-step", type=float, default=0.0)
    parser.add_argument("--version", default=VERSION, help="of ComfyUI, to act as an old one")
    parser.add_argument(
        "--model", action="append", default=[], metavar="FOLDER/FILE", help="it has, as often as wanted"
    )
    parser.add_argument("--gpu", help="its name, with 24 GiB; without, a CPU as recorded")
    kinds = "NAME or NAME:setting=value,…, as often as wanted; names and settings:\n" + describe_all()
    parser.add_argument("--misbehave", action="append", default=[], type=parse_misbehaviour, metavar="NAME", help=kinds)
    arguments = parser.parse_args()
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    pace = RenderPace(arguments.seconds_per_step, arguments.seconds_per_frame)
    gpu = FakeGpu(arguments.gpu, 24 * 2**30) if arguments.gpu else None
    models: dict[str, list[str]] = {}
    for model in arguments.model:
        folder, _, name = model.partition("/")
        models.setdefault(folder, []).append(name)
    comfy = FakeComfyUI(
        host=arguments.host, port=arguments.port, pace=pace, version=arguments.version, gpu=gpu, models=models
    )
    comfy.misbehave(*arguments.misbehave)  # before it listens, so the first request already sees it
    with comfy:
        done.wait()


if __name__ == "__main__":
    main()
