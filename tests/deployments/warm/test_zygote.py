"""The warm start: forked runs work, and a run and its launcher end together."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from deployments.entrypoints import PREFECT_YAML, list_flow_modules
from deployments.warm.launcher import SOCKET_VARIABLE
from tests.deployments.processes import has_ended, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere runs start cold")

ZYGOTE = """
import os, sys
from pathlib import Path
from deployments.warm import zygote
sources = zygote.preload(sys.argv[2:])
request = zygote.Zygote(Path(sys.argv[1])).serve()
if request is not None:
    exec(request.env["CODE"])
"""
ENCODE = """
import io, json, sys, threading
import av, cv2, numpy as np
assert threading.active_count() == 1
pictures = [cv2.GaussianBlur(np.full((720, 1280, 3), shade, np.uint8), (31, 31), 0) for shade in range(0, 240, 10)]
file = io.BytesIO()
with av.open(file, "w", format="mp4") as container:
    stream = container.add_stream("libx264", rate=24)
    stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
    for picture in pictures:
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    container.mux(stream.encode(None))
file.seek(0)
with av.open(file) as container:
    frames = sum(1 for _ in container.decode(video=0))
Path(request.env["ANSWER"]).write_text(json.dumps({"frames": frames, "cwd": request.cwd}))
"""
SLEEP = """
import time
Path(request.env["ANSWER"]).write_text(str(os.getpid()))
time.sleep(30)
"""
THE_FLOWS_ARE_THERE = """
from deployments.entrypoints import PREFECT_YAML, list_flow_modules
missing = set(list_flow_modules(PREFECT_YAML)) - set(sys.modules)
sys.exit(f"not preloaded: {missing}" if missing else 0)
"""
BECOME_ENGINE = "zygote.become_engine(request, zygote._logging_settings(), sources)"
TELL_A_COLD_START = """
import os, pathlib, sys
if "prefect.engine" in sys.orig_argv:
    pathlib.Path(os.environ["ANSWER"]).write_text("cold")
"""


@dataclass(frozen=True)
class Running:
    address: Path
    pid: int


Launch = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """A zygote with all modules preloaded."""
    with tempfile.TemporaryDirectory() as folder:
        address = Path(folder) / "zygote.sock"
        env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PREFECT_HOME": folder}
        with subprocess.Popen(
            [sys.executable, "-c", ZYGOTE, str(address), *list_flow_modules(PREFECT_YAML)], env=env
        ) as zygote:
            wait_until(address.exists, limit_s=60)
            yield Running(address, zygote.pid)
            zygote.terminate()
            assert zygote.wait(60) == 0
        assert not address.exists()


@pytest.fixture
def address(running: Running) -> Path:
    return running.address


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    return tmp_path / "answer"


@pytest.fixture
def launch(address: Path, answer: Path, tmp_path: Path) -> Iterator[Launch]:
    """Starts a launcher whose run executes Python code."""
    started = []

    def start(code: str) -> subprocess.Popen[bytes]:
        env = {**os.environ, SOCKET_VARIABLE: str(address), "CODE": code, "ANSWER": str(answer)}
        process = subprocess.Popen(
            [sys.executable, "-m", "deployments.warm.launcher"], env=env, cwd=tmp_path, stderr=subprocess.PIPE
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for_run(answer: Path) -> int:
    """The process of a run that wrote its pid to this file."""
    wait_until(lambda: answer.exists() and answer.read_text() != "")
    return int(answer.read_text())


def test_only_its_own_user_can_connect(address: Path) -> None:
    mode = address.stat().st_mode
    assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)


def test_a_forked_run_can_render_encode_and_decode(launch: Launch, answer: Path, tmp_path: Path) -> None:
    assert launch(ENCODE).wait(60) == 0
    assert json.loads(answer.read_text()) == {"frames": 24, "cwd": str(tmp_path)}


def test_the_flows_are_imported_once_for_all_runs(launch: Launch) -> None:
    assert launch(THE_FLOWS_ARE_THERE).wait(60) == 0


@pytest.mark.parametrize("is_edited", [False, True])
def test_a_run_starts_cold_if_the_code_has_changed(tmp_path: Path, answer: Path, is_edited: bool) -> None:
    recipe, address = tmp_path / "a_recipe.py", tmp_path / "short.sock"
    recipe.write_text("")
    (tmp_path / "sitecustomize.py").write_text(TELL_A_COLD_START)
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "PREFECT_HOME": str(tmp_path), "ANSWER": str(answer)}
    env |= {SOCKET_VARIABLE: str(address), "CODE": BECOME_ENGINE, "PREFECT__FLOW_RUN_ID": "not an id"}
    light = ZYGOTE.replace(
        "from deployments.warm import zygote", "from deployments.warm import zygote; zygote.PRELOADED = ()"
    )
    with subprocess.Popen([sys.executable, "-c", light, str(address), "a_recipe"], env=env) as zygote:
        wait_until(address.exists)
        if is_edited:
            recipe.write_text("changed = True")
        command = [sys.executable, "-m", "deployments.warm.launcher"]
        assert subprocess.run(command, env=env, check=False, timeout=60).returncode == 1
        assert answer.exists() == is_edited
        zygote.terminate()


def test_a_launcher_ends_with_the_code_of_its_run(launch: Launch) -> None:
    assert launch("sys.exit(7)").wait(60) == 7


def test_a_launcher_dies_of_the_signal_that_its_run_died_of(launch: Launch, answer: Path) -> None:
    launcher = launch(SLEEP)
    os.kill(wait_for_run(answer), signal.SIGKILL)
    assert launcher.wait(60) == -signal.SIGKILL


def test_a_launcher_forwards_sigterm(launch: Launch, answer: Path) -> None:
    code = f"import signal; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)){SLEEP}"
    launcher = launch(code)
    run = wait_for_run(answer)
    launcher.terminate()
    assert launcher.wait(60) == 5
    assert has_ended(run)


def test_a_run_ends_with_its_launcher_and_ends_its_children(launch: Launch, answer: Path) -> None:
    launcher = launch("import subprocess; child = subprocess.Popen(['sleep', '60'])" + SLEEP)
    run = wait_for_run(answer)
    child = psutil.Process(run).children()[0].pid
    launcher.kill()
    wait_until(lambda: has_ended(run) and has_ended(child))


def test_a_run_outlives_a_killed_zygote_and_its_launcher_waits_for_it(tmp_path: Path, answer: Path) -> None:
    address = tmp_path / "short.sock"
    light = ZYGOTE.replace("zygote.preload(sys.argv[2:])", "{}")
    with subprocess.Popen([sys.executable, "-c", light, str(address)]) as zygote:
        wait_until(address.exists)
        code = "import time\nPath(request.env['ANSWER']).write_text(str(os.getpid()))\ntime.sleep(1)"
        env = {**os.environ, SOCKET_VARIABLE: str(address), "CODE": code, "ANSWER": str(answer)}
        with subprocess.Popen([sys.executable, "-m", "deployments.warm.launcher"], env=env) as launcher:
            run = wait_for_run(answer)
            zygote.kill()
            zygote.wait()
            assert not has_ended(run)
            launcher.wait(60)
            assert has_ended(run)


def test_without_a_zygote_a_run_starts_cold(tmp_path: Path) -> None:
    env = {
        **os.environ,
        SOCKET_VARIABLE: str(tmp_path / "nobody.sock"),
        "PREFECT__FLOW_RUN_ID": "not an id",
        "PREFECT_HOME": str(tmp_path),
    }
    result = subprocess.run(
        [sys.executable, "-m", "deployments.warm.launcher"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "no zygote, starting cold" in result.stderr
    assert "Invalid flow run id" in result.stderr
    assert result.returncode == 1


def test_a_launcher_that_gave_up_waiting_gets_no_run(running: Running, answer: Path) -> None:
    code = "Path(request.env['ANSWER']).write_text('ran')"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as impatient:
        impatient.connect(str(running.address))
        os.kill(running.pid, signal.SIGSTOP)
        impatient.send(json.dumps({"env": {"CODE": code, "ANSWER": str(answer)}, "cwd": "/"}).encode())
    os.kill(running.pid, signal.SIGCONT)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as next_one:
        next_one.settimeout(5)
        next_one.connect(str(running.address))
        next_one.send(b"nonsense")
        assert next_one.recv(64) == b"", "the zygote survives and refuses invalid requests"
    assert not answer.exists()
