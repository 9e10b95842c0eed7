"""Takes: rendered clips, stored by the hash of their content and found by the fingerprint of their inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob
from db.models.rendering import Asset, AssetKind, RenderSegment, SegmentState
from tower.engines.base import CastMember, Shot
from tower.errors import InvalidError, TowerError
from tower.errors.codes import ErrorCode
from tower.media.files import publish_copy, sha256_of, touch_if_present
from tower.media.probe import Probe

FINGERPRINT_VERSION = 1  # raise it when the meaning of the fingerprint changes, so that old fingerprints match nothing


class TakeLostError(TowerError):
    """The file of a take is missing or differs from the stored one."""

    code = ErrorCode.TAKE_LOST
    status = 410


def store_take(
    session: Session,
    clip: Path,
    *,
    renders: Path,
    probe: Probe,
    job_id: int,
    project_id: int | None,
    provenance: dict[str, Any],
) -> Asset:
    """Copy the clip to renders/ab/<sha256>.mp4 and add it as an asset of the job.

    `clip` stays, so the call can be repeated if the transaction fails. An equal file is not written again, and a file
    of that name with other bytes is replaced. Raises DiskFullError.
    """
    sha256 = sha256_of(clip)
    path = renders / sha256[:2] / f"{sha256}.mp4"
    if not (touch_if_present(path) and _has_content(path, clip.stat().st_size, sha256)):
        publish_copy(clip, path)
    asset = Asset(
        kind=AssetKind.VIDEO,
        path=str(path),
        sha256=sha256,
        bytes=path.stat().st_size,
        probe=probe.as_json(),
        provenance=provenance,
        project_id=project_id,
        job_id=job_id,
    )
    session.add(asset)
    session.flush()
    return asset


def find_take(session: Session, fingerprint: str) -> Asset | None:
    """The newest completed take with this fingerprint whose file exists with its full size; None without one."""
    takes = session.scalars(
        select(Asset)
        .join(RenderSegment, RenderSegment.asset_id == Asset.id)
        .where(RenderSegment.fingerprint == fingerprint, RenderSegment.state == SegmentState.COMPLETED)
        .order_by(RenderSegment.id.desc())
    )
    return next((take for take in takes if _is_on_disk(take)), None)


def share_take(session: Session, take: Asset, *, job_id: int) -> Asset:
    """Add the file of a take as an asset of another job."""
    job = session.get_one(ProductionJob, job_id)
    asset = Asset(
        kind=take.kind,
        path=take.path,
        sha256=take.sha256,
        bytes=take.bytes,
        probe=take.probe,
        provenance={**take.provenance, "reused_from_asset": take.id},
        project_id=job.project_id,
        job_id=job_id,
    )
    session.add(asset)
    session.flush()
    return asset


def check_take(asset: Asset) -> None:
    """Raise TakeLostError unless the asset's file exists with the stored bytes."""
    path = Path(asset.path)
    if _file_size(path) is None:
        raise TakeLostError(f"The take {path} does not exist; render the shot again")
    if not _has_content(path, asset.bytes, asset.sha256):
        raise TakeLostError(f"The take {path} is damaged: its bytes differ from the stored ones; render the shot again")


def fingerprint(
    shot: Shot,
    *,
    engine: str,
    engine_version: str,
    model_files: Mapping[str, str] | None = None,
) -> str:
    """The sha256 over everything that the picture depends on. It is the same in every process, on every machine.

    `model_files`: the sha256 of each model file by its name. Reference images count by their bytes, not by their path.
    Raises InvalidError if one cannot be read.
    """
    parts = {
        "recipe": FINGERPRINT_VERSION,
        "shot": asdict(shot) | {"cast": [_member_inputs(member) for member in shot.cast]},
        "engine": engine,
        "version": engine_version,
        "model_files": model_files,
    }
    text = json.dumps(_canonical(parts), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _member_inputs(member: CastMember) -> dict[str, Any]:
    image = member.reference_image
    if image is None:
        return asdict(member)
    try:
        return asdict(member) | {"reference_image": sha256_of(Path(image))}
    except OSError as error:
        raise InvalidError.field(f"reference image of {member.name}", image, "a readable picture") from error


def _canonical(value: Any) -> Any:
    """Make equal values equal JSON: 8.0 becomes 8, a tuple becomes a list."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case Mapping():
            return {str(key): _canonical(part) for key, part in value.items()}
        case list() | tuple():
            return [_canonical(part) for part in value]
        case _:
            return value


def _is_on_disk(take: Asset) -> bool:
    path = Path(take.path)
    return _file_size(path) == take.bytes and touch_if_present(path)


def _file_size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _has_content(path: Path, size: int, sha256: str) -> bool:
    return _file_size(path) == size and sha256_of(path) == sha256
