from __future__ import annotations

import subprocess
import sys
import uuid
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy.orm import Session

from benchmarks.quality_corpus import moving_shapes
from benchmarks.quality_faults import encode
from db.models.jobs import JobType, ProductionJob
from db.models.rendering import Asset, AssetKind, RenderSegment, SegmentState
from tower.engines.base import CastMember, Shot
from tower.errors import InvalidError
from tower.media.files import sha256_of
from tower.media.probe import probe
from tower.rendering.takes import TakeLostError, check_take, find_take, fingerprint, store_take
from tower.workflows.graph import Binding, WorkflowGraph

SHOT = Shot(
    prompt="a detective in neon rain",
    negative_prompt="blurry",
    seed=7,
    width=512,
    height=512,
    fps=24,
    frames=72,
    cast=(CastMember("Kai", "tall", {"hair": "silver", "coat": "red"}),),
)
OTHER: dict[str, Any] = {
    "prompt": "a forest",
    "negative_prompt": "",
    "seed": 8,
    "width": 768,
    "height": 768,
    "fps": 12,
    "frames": 48,
    "start_frame": 24,
    "whole_frames": 120,
    "style": "cinematic",
    "scene_type": "action",
    "caption": "Night",
    "cast": (),
    "model": "other.safetensors",
    "steps": 31,
    "cfg": 7.5,
    "sampler": "euler",
    "scheduler": "normal",
    "graph": WorkflowGraph("anime", 1, {"3": {"inputs": {"cfg": 8.0}}}, {"seed": [Binding("3", "seed")]}),
}


def fingerprint_of(shot: Shot, **more: Any) -> str:
    return fingerprint(shot, **({"engine": "animatic", "engine_version": "1"} | more))


def with_reference(path: Path) -> Shot:
    return replace(SHOT, cast=(replace(SHOT.cast[0], reference_image=str(path)),))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames = moving_shapes(np.random.default_rng(1), 256, 8)
    return encode(tmp_path_factory.mktemp("film") / "film.mp4", frames)


@pytest.fixture
def clip(film: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "partial" / "segment-1.mp4"
    copy.parent.mkdir()
    copy.write_bytes(film.read_bytes())
    return copy


@pytest.fixture
def job(session: Session) -> ProductionJob:
    row = ProductionJob(
        job_type=JobType.STANDARD,
        prompt="a cat",
        parameters={},
        steps={},
        warnings=[],
        comfyui_job_id=uuid.uuid4(),
        seed=1,
    )
    session.add(row)
    session.flush()
    return row


def store(session: Session, clip: Path, renders: Path, job: ProductionJob) -> Asset:
    made_from = {"engine": "animatic"}
    clip_probe = probe(clip)
    return store_take(
        session, clip, renders=renders, probe=clip_probe, job_id=job.id, project_id=None, provenance=made_from
    )


@pytest.mark.parametrize("name", [field.name for field in fields(Shot)])
def test_each_field_of_a_shot_changes_the_fingerprint(name: str) -> None:
    assert fingerprint_of(replace(SHOT, **{name: OTHER[name]})) != fingerprint_of(SHOT)


@pytest.mark.parametrize(
    "member",
    [
        replace(SHOT.cast[0], name="Rei"),
        replace(SHOT.cast[0], description="small"),
        replace(SHOT.cast[0], traits={"hair": "silver", "coat": "blue"}),
    ],
)
def test_each_field_of_a_character_changes_the_fingerprint(member: CastMember) -> None:
    assert fingerprint_of(replace(SHOT, cast=(member,))) != fingerprint_of(SHOT)


@pytest.mark.parametrize(
    "more",
    [
        {"engine": "comfyui"},
        {"engine_version": "2"},
        {"model_files": {"a.safetensors": "00"}},
    ],
)
def test_engine_and_version_change_the_fingerprint(more: dict[str, Any]) -> None:
    assert fingerprint_of(SHOT, **more) != fingerprint_of(SHOT)


def test_key_order_and_number_spelling_keep_the_fingerprint() -> None:
    shuffled = replace(SHOT.cast[0], traits={"coat": "red", "hair": "silver"})
    assert fingerprint_of(replace(SHOT, cast=(shuffled,))) == fingerprint_of(SHOT)
    assert fingerprint_of(replace(SHOT, cfg=8)) == fingerprint_of(replace(SHOT, cfg=8.0))
    workflow, same = (WorkflowGraph("anime", 1, graph, {}) for graph in ({"b": 1, "a": 2.0}, {"a": 2, "b": 1}))
    assert fingerprint_of(replace(SHOT, graph=workflow)) == fingerprint_of(replace(SHOT, graph=same))


def test_a_change_in_the_workflow_graph_changes_the_fingerprint() -> None:
    workflow, other = (WorkflowGraph("anime", 1, {"3": {"inputs": {"cfg": cfg}}}, {}) for cfg in (8, 7))
    assert fingerprint_of(replace(SHOT, graph=workflow)) != fingerprint_of(replace(SHOT, graph=other))


def test_a_reference_image_counts_by_content_and_not_by_path(tmp_path: Path) -> None:
    picture, same, other = (tmp_path / name for name in ("kai.png", "copy.png", "other.png"))
    picture.write_bytes(b"silver hair")
    same.write_bytes(b"silver hair")
    other.write_bytes(b"black hair")
    assert fingerprint_of(with_reference(picture)) == fingerprint_of(with_reference(same))
    assert fingerprint_of(with_reference(picture)) != fingerprint_of(with_reference(other))
    assert fingerprint_of(with_reference(picture)) != fingerprint_of(SHOT)


def test_a_missing_reference_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="reference image of Kai"):
        fingerprint_of(with_reference(tmp_path / "gone.png"))


def test_another_process_computes_the_same_fingerprint() -> None:
    code = (
        "from tower.engines.base import *; from tower.rendering.takes import fingerprint;"
        f"print(fingerprint({SHOT!r}, engine='animatic', engine_version='1'))"
    )
    environment = {"PYTHONHASHSEED": "12345", "PYTHONPATH": str(Path(__file__).parents[3])}
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert other.stdout.strip() == fingerprint_of(SHOT)


def test_a_take_is_stored_by_its_content(session: Session, clip: Path, job: ProductionJob, tmp_path: Path) -> None:
    take = store(session, clip, tmp_path / "renders", job)
    sha256 = sha256_of(clip)
    assert Path(take.path) == tmp_path / "renders" / sha256[:2] / f"{sha256}.mp4"
    assert Path(take.path).read_bytes() == clip.read_bytes()
    stored = session.get_one(Asset, take.id)
    assert (stored.kind, stored.sha256, stored.bytes, stored.job_id) == (
        AssetKind.VIDEO,
        sha256,
        clip.stat().st_size,
        job.id,
    )
    assert stored.probe["frames"] == 8
    assert stored.provenance == {"engine": "animatic"}


def test_storing_the_same_bytes_again_writes_no_second_file(
    session: Session, clip: Path, job: ProductionJob, tmp_path: Path
) -> None:
    first = store(session, clip, tmp_path / "renders", job)
    inode = Path(first.path).stat().st_ino
    copy = tmp_path / "again.mp4"
    copy.write_bytes(clip.read_bytes())
    second = store(session, copy, tmp_path / "renders", job)
    assert second.path == first.path
    assert Path(second.path).stat().st_ino == inode


def test_a_damaged_file_under_the_right_name_is_replaced(
    session: Session, clip: Path, job: ProductionJob, tmp_path: Path
) -> None:
    sha256 = sha256_of(clip)
    path = tmp_path / "renders" / sha256[:2] / f"{sha256}.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(clip.stat().st_size))
    assert sha256_of(Path(store(session, clip, tmp_path / "renders", job).path)) == sha256


def test_a_stored_take_outlives_the_clip(session: Session, clip: Path, job: ProductionJob, tmp_path: Path) -> None:
    take = store(session, clip, tmp_path / "renders", job)
    clip.unlink()
    check_take(take)


@pytest.mark.parametrize("content", [b"shorter", None], ids=["truncated", "gone"])
def test_a_damaged_take_is_refused(
    session: Session, clip: Path, job: ProductionJob, tmp_path: Path, content: bytes | None
) -> None:
    take = store(session, clip, tmp_path / "renders", job)
    Path(take.path).unlink()
    if content is not None:
        Path(take.path).write_bytes(content)
    with pytest.raises(TakeLostError, match="render"):
        check_take(take)


def build_segment_row(job: ProductionJob, take: Asset | None, state: SegmentState, **more: Any) -> RenderSegment:
    return RenderSegment(
        job_id=job.id,
        prompt_id=uuid.uuid4(),
        engine="animatic",
        shot={},
        asset_id=take and take.id,
        state=state,
        **({"segment": 1, "attempt": 1, "fingerprint": "f" * 64} | more),
    )


def test_a_completed_take_is_found_by_its_fingerprint(
    session: Session, clip: Path, job: ProductionJob, tmp_path: Path
) -> None:
    take = store(session, clip, tmp_path / "renders", job)
    session.add(build_segment_row(job, take, SegmentState.COMPLETED))
    session.flush()
    same_take = find_take(session, "f" * 64)
    assert same_take is not None
    assert same_take.id == take.id
    assert find_take(session, "e" * 64) is None


def test_a_take_with_a_missing_or_truncated_file_is_not_found(
    session: Session, clip: Path, job: ProductionJob, tmp_path: Path
) -> None:
    take = store(session, clip, tmp_path / "renders", job)
    session.add(build_segment_row(job, take, SegmentState.COMPLETED))
    session.flush()
    Path(take.path).unlink()
    assert find_take(session, "f" * 64) is None
    Path(take.path).write_bytes(b"short")
    assert find_take(session, "f" * 64) is None


def test_an_older_take_is_found_if_the_newest_lost_its_file(
    session: Session, clip: Path, job: ProductionJob, tmp_path: Path
) -> None:
    old = store(session, clip, tmp_path / "old", job)
    new = store(session, clip, tmp_path / "new", job)
    session.add_all(
        [
            build_segment_row(job, old, SegmentState.COMPLETED),
            build_segment_row(job, new, SegmentState.COMPLETED, segment=2),
        ]
    )
    session.flush()
    Path(new.path).unlink()
    take = find_take(session, "f" * 64)
    assert take is not None
    assert take.id == old.id


def test_an_abandoned_attempt_stores_no_take(session: Session, clip: Path, job: ProductionJob, tmp_path: Path) -> None:
    take = store(session, clip, tmp_path / "renders", job)
    session.add(build_segment_row(job, take, SegmentState.SUPERSEDED))
    session.flush()
    assert find_take(session, "f" * 64) is None
