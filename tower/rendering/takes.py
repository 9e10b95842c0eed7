"""Takes: rendered clips, kept by what they contain and found again by what they were made from."""

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
from tower.media.files import place, sha256_of, still_wanted
from tower.media.probe import Probe

RECIPE = 1  # of the fingerprint; raised when its meaning changes, so that old ones match nothing


class TakeLostError(TowerError):
    """The file of a take is not what was stored."""

    code = ErrorCode.TAKE_LOST
    status = 410


def keep(
    session: Session,
    clip: Path,
    *,
    renders: Path,
    probe: Probe,
    job_id: int,
    project_id: int | None,
    provenance: dict[str, Any],
) -> Asset:
    """Put the clip at renders/ab/<sha256>.mp4 and note it as an asset of the job.

    `clip` stays where it is: if the transaction fails, this can be done again. Bytes that are there already are not
    written again, and a file of that name with other bytes is replaced. Raises DiskFullError.
    """
    sha256 = sha256_of(clip)
    path = renders / sha256[:2] / f"{sha256}.mp4"
    if not (still_wanted(path) and _holds(path, clip.stat().st_size, sha256)):
        place(clip, path)
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


def find(session: Session, fingerprint: str) -> Asset | None:
    """The newest completed take with this fingerprint whose file is there in its full size."""
    takes = session.scalars(
        select(Asset)
        .join(RenderSegment, RenderSegment.asset_id == Asset.id)
        .where(RenderSegment.fingerprint == fingerprint, RenderSegment.state == SegmentState.COMPLETED)
        .order_by(RenderSegment.id.desc())
    )
    return next((take for take in takes if _is_there(take)), None)


def shared(session: Session, take: Asset, *, job_id: int) -> Asset:
    """The same file as an asset of another job."""
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
    """Raises TakeLostError unless the asset's file is there, byte for byte."""
    path = Path(asset.path)
    if _size(path) is None:
        raise TakeLostError(f"The take {path} is gone; render the shot again")
    if not _holds(path, asset.bytes, asset.sha256):
        raise TakeLostError(f"The take {path} is damaged: its bytes are not those that were stored; render it again")


def fingerprint(
    shot: Shot,
    *,
    engine: str,
    version: str,
    model_files: Mapping[str, str] | None = None,
) -> str:
    """The sha256 over all that the picture depends on: the same in every process, on every machine.

    `model_files`: the sha256 of each model file by its name. Reference images count by their bytes, not by where they
    lie. Raises InvalidError if one cannot be read.
    """
    parts = {
        "recipe": RECIPE,
        "shot": asdict(shot) | {"cast": [_content(member) for member in shot.cast]},
        "engine": engine,
        "version": version,
        "model_files": model_files,
    }
    text = json.dumps(_canonical(parts), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _content(member: CastMember) -> dict[str, Any]:
    image = member.reference_image
    if image is None:
        return asdict(member)
    try:
        return asdict(member) | {"reference_image": sha256_of(Path(image))}
    except OSError as error:
        raise InvalidError.field(f"reference image of {member.name}", image, "a picture that can be read") from error


def _canonical(value: Any) -> Any:
    """8.0 and 8 are one number, a tuple and a list one sequence."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case Mapping():
            return {str(key): _canonical(part) for key, part in value.items()}
        case list() | tuple():
            return [_canonical(part) for part in value]
        case _:
            return value


def _is_there(take: Asset) -> bool:
    path = Path(take.path)
    return _size(path) == take.bytes and still_wanted(path)


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _holds(path: Path, size: int, sha256: str) -> bool:
    return _size(path) == size and sha256_of(path) == sha256
