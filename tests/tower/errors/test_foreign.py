"""Text of others reaches no stored reason as it is: every sink takes one bounded, printable line."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import httpx
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.models.jobs import JobType, ProductionJob
from db.models.rendering import RenderSegment
from db.models.workers import Worker
from tests.api.small_servers import reserve_refusing_address, serve_silence
from tower.engines.base import Shot
from tower.errors import RenderError, TowerError
from tower.errors.codes import ErrorCode
from tower.errors.foreign import MAX_MESSAGE_LENGTH, MAX_REASON_LENGTH, one_line, reason_line, reason_of, shortage_of
from tower.jobs import attempts, lifecycle
from tower.jobs.spec import GenerationSpec
from tower.rendering import segments, workers
from tower.rendering.segments import SegmentPlan

HOSTILE = [
    "first\nsecond\r\nthird",
    "\x1b[2J\x1b]0;title\x07red",
    "\u202egnp.exe\u2066",
    "x" * 200_000,
    "\t\x00 \u2028",
]


def to_failed_job(session: Session, text: str) -> str | None:
    job, attempt, _ = rendering(session)
    attempts.fail_job(session, attempt, TowerError(text))
    session.refresh(job)
    return job.error_message


def to_lost_job(session: Session, text: str) -> str | None:
    job, _, _ = rendering(session)
    assert lifecycle.fail_lost_job(session, job, code=ErrorCode.RUN_CRASHED, message=text)
    session.refresh(job)
    return job.error_message


def to_failed_segment(session: Session, text: str) -> str | None:
    _, _, row = rendering(session)
    segments.claim_segment(session, row.id, flow_run_id=uuid.uuid4(), worker="w", process="p")
    segments.fail_segment(session, row.id, RenderError(text))
    session.refresh(row)
    return row.error_message


def to_abandoned_segment(session: Session, text: str) -> str | None:
    _, _, row = rendering(session)
    assert segments.abandon_segment(session, row.id, text)
    session.refresh(row)
    return row.error_message


def to_worker(session: Session, text: str) -> str | None:
    worker = Worker(name="gpu@box", host="box", slots=1, engine="animatic")
    session.add(worker)
    session.flush()
    workers.record_failure(session, worker.name, RenderError(text))
    return worker.last_failure


def rendering(session: Session) -> tuple[ProductionJob, attempts.Attempt, RenderSegment]:
    job = lifecycle.open_job(session, GenerationSpec(prompt="x"), job_type=JobType.STANDARD)
    attempt = attempts.claim_job(session, job.id, flow_run_id=uuid.uuid4(), timeout_s=60)
    shot = Shot(prompt="x", negative_prompt="", seed=1, width=256, height=256, fps=24, frames=24)
    return job, attempt, segments.open_segment(session, attempt, SegmentPlan(1, shot, "animatic", "f" * 64))


@pytest.mark.parametrize("sink", [to_failed_job, to_lost_job, to_failed_segment, to_abandoned_segment, to_worker])
@pytest.mark.parametrize("text", HOSTILE, ids=["lines", "terminal", "direction", "long", "blank"])
def test_a_stored_reason_is_one_bounded_printable_line(
    session: Session, sink: Callable[[Session, str], str | None], text: str
) -> None:
    stored = sink(session, text)
    assert stored is not None
    assert stored.isprintable()
    assert len(stored) <= MAX_MESSAGE_LENGTH


def test_a_line_is_cut_with_a_mark() -> None:
    assert one_line("a  b\n c") == "a b c"
    assert one_line("abcdef", 4) == "abc…"


def test_a_reason_has_no_address_and_no_path() -> None:
    assert reason_of(OSError(28, "No space left on device", "/srv/private/file")) == "No space left on device"
    assert reason_of(OperationalError("select", {}, OSError("10.0.0.7:5432"))) == "the database did not answer"
    assert reason_of(KeyError("secret")) == "an unexpected KeyError"


FFMPEG_REPORT = """An error occurred in the ffmpeg subprocess:
[libx264 @ 0x5581] broken ffmpeg default settings detected
[out#0/mp4 @ 0x5580] Error writing trailer: No space left on device
frame=   24 fps=0.0 q=29.0 size=       0KiB time=00:00:00.91
"""
CUDA_REPORT = """CUDA error: an illegal memory access was encountered
CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.
For debugging consider passing CUDA_LAUNCH_BLOCKING=1
Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions."""


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (FFMPEG_REPORT, "Error writing trailer: No space left on device"),
        (CUDA_REPORT, "CUDA error: an illegal memory access was encountered"),
        (
            'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: width is odd\n',
            "ValueError: width is odd",
        ),
        ("note\n" * 60_000 + "RuntimeError: the last line has it", "RuntimeError: the last line has it"),
        ("rig: deliberate failure\n", "rig: deliberate failure"),
    ],
    ids=["subprocess", "cuda", "traceback", "long", "line"],
)
def test_the_line_with_the_reason_is_kept(report: str, reason: str) -> None:
    line = reason_line(report)
    assert line.endswith(reason)
    assert line.isprintable()
    assert len(line) <= MAX_REASON_LENGTH


@pytest.mark.parametrize("text", [*HOSTILE, "", "failed:\n" + "y" * 200_000])
def test_a_kept_reason_is_bounded(text: str) -> None:
    assert len(reason_line(text)) <= MAX_REASON_LENGTH


@pytest.mark.parametrize(
    ("state", "reason"),
    [("53100", "the disk of the database is full"), ("53200", "the database is out of memory"), ("57014", None)],
)
def test_what_the_database_lacks_is_named(session: Session, state: str, reason: str | None) -> None:
    failing = text(f"do $$ begin raise exception 'words of the driver' using errcode = '{state}'; end $$")
    with pytest.raises(OperationalError) as failed:
        session.execute(failing)
    assert shortage_of(failed.value) == reason
    assert reason_of(failed.value) == (reason or "the database did not answer")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('connection to server at "10.1.2.3", port 5432 failed: Connection refused', "nothing accepts the connection"),
        ('FATAL:  password authentication failed for user "tower"', "it refuses the user or the password"),
        ('FATAL:  database "x" does not exist', "it has no such user or database"),
        ("connection timeout expired", "it took too long"),
        ("something new at 10.1.2.3", "the database did not answer"),
    ],
)
def test_a_database_that_refuses_a_connection_is_described_without_the_text_of_the_driver(
    message: str, reason: str
) -> None:
    assert reason_of(psycopg.OperationalError(message)) == reason


def test_a_server_without_an_answer_is_described_without_the_text_of_the_library() -> None:
    with reserve_refusing_address() as refusing, pytest.raises(httpx.ConnectError) as refused:
        httpx.get(refusing, trust_env=False)
    assert reason_of(refused.value) == "Connection refused"
    with serve_silence() as silent, pytest.raises(httpx.ReadTimeout) as late:
        httpx.get(silent, timeout=0.1, trust_env=False)
    assert reason_of(late.value) == "it took too long"
    assert reason_of(httpx.RemoteProtocolError("Server disconnected")) == "the connection broke"
