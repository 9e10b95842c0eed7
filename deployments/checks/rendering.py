"""The render engine and the video encoder."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing

from sqlalchemy.exc import OperationalError, ProgrammingError

from db.engine import open_engine as open_database
from db.engine import session_factory
from deployments.checks import Check
from tower.clients.prefect import PrefectClient
from tower.engines.choice import choose_engine
from tower.engines.comfyui.servers import ComfyUIServers
from tower.engines.installed import find_entry, installed_engines, open_engine, reason_unavailable
from tower.errors import TowerError
from tower.errors.foreign import reason_of
from tower.presets.defaults import DOCUMENTED_MODEL
from tower.rendering.readiness import Readiness
from tower.rendering.run_queues import RunQueues
from tower.rendering.studio import Studio
from tower.settings import AUTO_ENGINE, Settings

DATABASE_WAIT_S = 5
ENGINE_REMEDY = "Reinstall the distribution that provides it, or uninstall it."


def check_engines(settings: Settings) -> Iterator[Check]:
    """The engine that renders where a shot asks for no other, then all others that are declared here."""
    default = None
    try:
        default = choose_engine(AUTO_ENGINE, settings).name
        yield _opened("engine", default, settings, "Set TOWER_ENGINE=auto.")
    except TowerError as error:
        yield Check("engine", "fail", error.message, "Set TOWER_ENGINE=auto.")
    for name, found in installed_engines().entries.items():
        lacks = reason_unavailable(found, settings)
        if name != default and lacks is None:
            yield _opened(f"engine {name}", name, settings, ENGINE_REMEDY)
        elif name != default:
            yield Check(f"engine {name}", "ok", f"{found.version}, not on this machine: {lacks}")
    for name, reason in installed_engines().broken.items():
        yield Check(f"engine {name}", "fail", reason, ENGINE_REMEDY)


def _opened(check: str, name: str, settings: Settings, remedy: str) -> Check:
    """With all that the engine imports."""
    try:
        open_engine(name, settings)
    except TowerError as error:
        return Check(check, "fail", error.message, remedy)
    return Check(check, "ok", f"{name} {find_entry(name).version}")


def check_readiness(settings: Settings, database_url: str | None, prefect: PrefectClient | None = None) -> Check:
    """Whether the default workflows would run now, as GET /status and the waiting jobs say it."""
    queues = RunQueues(prefect) if prefect else None
    with closing(Studio(settings, ComfyUIServers(), queues)) as studio:
        found = _assess_configured(studio) if database_url is None else _assess(studio, database_url)
    if found is None:
        return Check("readiness", "unknown", "no stack runs here, or its database does not answer")
    if found.reason is None:
        engine = found.note or f"the default workflows run now with the engine {found.engine}"
        return Check("readiness", "ok", engine)
    return Check("readiness", "fail", found.reason, "Remove the reason: workers try again by themselves.")


def _assess(studio: Studio, database_url: str) -> Readiness | None:
    engine = open_database(database_url, application="tower-doctor", wait_s=DATABASE_WAIT_S)
    try:
        with session_factory(engine)() as session:
            return studio.assess(session)
    except (OperationalError, ProgrammingError):
        return None  # another check says so
    finally:
        engine.dispose()


def _assess_configured(studio: Studio) -> Readiness | None:
    """The configured ComfyUI without a stack: only what it lacks is known."""
    address = studio.settings.comfyui
    lack = None if address is None else studio.find_lack(address, DOCUMENTED_MODEL)
    return Readiness("comfyui", reason=lack) if lack else None


def check_codec() -> Check:
    """Check that two frames can be encoded as H.264."""
    try:
        size_bytes = _encode_two_frames()
    except (ImportError, ValueError, OSError) as error:  # PyAV's errors are ValueError and OSError
        remedy = "Reinstall the package `av` from a wheel (`make setup`): the wheel contains FFmpeg with x264."
        return Check("video codec", "fail", f"H.264 cannot be written: {reason_of(error)}", remedy)
    return Check("video codec", "ok", f"libx264 wrote two frames in {size_bytes} bytes")


def _encode_two_frames() -> int:
    import av
    import numpy as np

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width = stream.height = 256
        stream.pix_fmt = "yuv420p"
        for shade in (0, 255):
            picture = np.full((256, 256, 3), shade, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return len(file.getvalue())
