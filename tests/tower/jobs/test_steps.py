"""Stored step results of every version are read, and results that cannot be read are computed again."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from db.models.jobs import JobType, ProductionJob
from tasks.dispatch import TakeRef
from tasks.join import JOIN_STEP
from tasks.sync import SYNC_STEP, SyncedTake
from tower.errors import SupersededError
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec
from tower.jobs.steps import StepResult
from tower.moods.chosen import MOOD_CHOICES
from tower.quality.rounds import KEPT_ROUND_STEP, ROUND_STEPS, KeptRound, RoundResult, completed_rounds
from tower.shots.cast import CAST_STEP
from tower.shots.prompts import PROMPT_STEP, EnhancedPrompt
from tower.shots.scene_jobs import SCENE_STEP

OLD_STEPS: dict[str, Any] = json.loads(Path(__file__).with_name("steps_of_0_1_0.json").read_text())


@dataclass(frozen=True)
class Words:
    text: str


WORDS = StepResult("words", TypeAdapter(Words), former_keys=("text", "prose"))


@pytest.fixture
def job(session: Session) -> ProductionJob:
    return lifecycle.open_job(session, GenerationSpec(prompt="a shrine at dawn"), job_type=JobType.STANDARD)


@pytest.fixture
def attempt(session: Session, job: ProductionJob) -> Attempt:
    return attempts.claim_job(session, job.id, flow_run_id=uuid.uuid4(), timeout_s=60)


def test_every_step_of_version_0_1_0_is_read_as_written(job: ProductionJob) -> None:
    job.steps = OLD_STEPS
    steps: list[StepResult[Any]] = [
        CAST_STEP,
        PROMPT_STEP,
        SCENE_STEP,
        MOOD_CHOICES,
        *ROUND_STEPS[:2],
        KEPT_ROUND_STEP,
        JOIN_STEP,
        SYNC_STEP,
    ]
    assert {key for step in steps for key in (step.key, *step.former_keys)} == {*OLD_STEPS, "sync"}
    for step in steps:
        value = step.read(job)
        assert value is not None
        [stored] = step.to_entry(value).values()
        assert stored == OLD_STEPS.get(step.key, OLD_STEPS["beats"])


def test_values_of_older_versions_keep_their_meaning(job: ProductionJob) -> None:
    job.steps = OLD_STEPS
    cast, mood, scene = CAST_STEP.read(job), MOOD_CHOICES.read(job), SCENE_STEP.read(job)
    assert cast is not None
    assert [(member.name, member.traits) for member in cast.members] == [("Kai Nakamura", {"coat": "black"})]
    assert cast.known[0].key == uuid.UUID("3f1c8a52-0b7e-4c55-9d0e-6a1b2c3d4e5f")
    assert mood is not None
    assert (mood.mood.value, mood.mood.source, mood.tempo.bpm_min) == ("tense", "request", 100.0)
    assert scene is not None
    assert scene.key == "00000000-0000-0000-0000-000000000065"
    assert PROMPT_STEP.read(job) == EnhancedPrompt("夜のネオン街, Kai", "lowres", "rules")
    assert completed_rounds(job) == [
        RoundResult(1, None, None, 1.25, passed=False, reason="black", failed=("black_share",), changed=None),
        RoundResult(2, 12, "/r/ab.mp4", 9.5, passed=True, reason=None, failed=(), changed="seed 3 instead of 7"),
    ]
    assert KEPT_ROUND_STEP.read(job) == KeptRound(2)
    assert JOIN_STEP.read(job) == TakeRef(13, "/r/cd.mp4")
    assert SYNC_STEP.read(job) == SyncedTake(14, "/r/ef.mp4", made_from=13, music=5)


def test_a_result_is_stored_under_the_new_key_and_deleted_under_all_keys(
    session: Session, job: ProductionJob, attempt: Attempt
) -> None:
    job.steps = {"text": {"text": "old"}, "other": {}}
    session.flush()
    assert WORDS.read(job) == Words("old")
    WORDS.write(session, attempt, Words("new"))
    session.refresh(job)
    assert (job.steps["words"], WORDS.read(job)) == ({"text": "new"}, Words("new"))
    WORDS.forget(session, attempt)
    session.refresh(job)
    assert (job.steps, WORDS.read(job)) == ({"other": {}}, None)


def test_an_abandoned_attempt_stores_nothing(session: Session, job: ProductionJob, attempt: Attempt) -> None:
    attempts.claim_job(session, job.id, flow_run_id=job.flow_run_id, timeout_s=60)
    with pytest.raises(SupersededError):
        WORDS.write(session, attempt, Words("late"))


@pytest.mark.parametrize("stored", [{"text": 3}, {}, [], None, "words"])
def test_an_unreadable_result_counts_as_missing_and_is_logged(
    job: ProductionJob, caplog: pytest.LogCaptureFixture, stored: Any
) -> None:
    job.steps = {"words": stored}
    with caplog.at_level(logging.WARNING, "tower.runs"):
        assert WORDS.read(job) is None
    [message] = caplog.messages
    assert message.startswith(f"Step 'words' of generation {job.id} cannot be read: ")


def test_the_log_does_not_contain_the_value(job: ProductionJob, caplog: pytest.LogCaptureFixture) -> None:
    job.steps = {"words": {"text": {"secret": "plot"}}}
    with caplog.at_level(logging.WARNING, "tower.runs"):
        assert WORDS.read(job) is None
    assert "plot" not in caplog.text


def test_rounds_after_an_unreadable_one_are_repeated_too(job: ProductionJob) -> None:
    job.steps = OLD_STEPS | {"round_1": {"number": "first"}}
    assert completed_rounds(job) == []
