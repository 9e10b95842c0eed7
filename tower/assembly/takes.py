"""The take that each scene of an episode shows, and the form of the film that is made from them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.projects import ProjectSettings
from db.models.rendering import Asset
from tower.assembly.cut import FilmForm, MediaFile
from tower.errors import ConflictError
from tower.errors.codes import ErrorCode
from tower.media.files import sha256_of
from tower.media.probe import probe
from tower.media.rates import exact_rate
from tower.story.episodes import EpisodeScene
from tower.story.scene_audio import DEFAULT_FPS


class EpisodeIncompleteError(ConflictError):
    """Scenes of the episode have no take yet, or it has no scenes."""

    code = ErrorCode.EPISODE_INCOMPLETE


@dataclass(frozen=True)
class SceneTake:
    """A clip that a scene shows: its accepted take, or the user's own video."""

    file: MediaFile
    frames: int
    form: FilmForm

    def frames_at(self, fps: Fraction) -> int:
        """Its length in frames of another rate."""
        return max(1, round(self.frames * fps / self.form.fps))


def find_takes(session: Session, scenes: Sequence[EpisodeScene]) -> Mapping[uuid.UUID, SceneTake]:
    """Return the take of each scene by key. Raises EpisodeIncompleteError, which lists the scenes without one."""
    if not scenes:
        raise EpisodeIncompleteError("The episode has no scenes: set its id as the episode of a scene")
    accepted = {scene.row.accepted_asset_id for scene in scenes if scene.row}
    assets = {asset.id: asset for asset in session.scalars(select(Asset).where(Asset.id.in_(accepted - {None})))}
    takes = {scene.key: take for scene in scenes if (take := _find_take(scene, assets))}
    missing = [scene for scene in scenes if scene.key not in takes]
    if missing:
        numbers = ", ".join(f"scene_{scene.fields['scene_number']}" for scene in missing)
        raise EpisodeIncompleteError(
            f"Without a take: {numbers}. Render them first",
            details={"scene_ids": [scene.row.id for scene in missing if scene.row]},
        )
    return takes


def choose_form(session: Session, project_id: int, first: SceneTake) -> FilmForm:
    """Return the size and rate of the film: those of the project, and of the first take where it names none.

    A take with a variable rate has the default rate.
    """
    wanted = session.get(ProjectSettings, project_id)
    own_fps = first.form.fps if first.form.fps.denominator in (1, 1001) else Fraction(DEFAULT_FPS)
    fps = exact_rate(wanted.fps) if wanted and wanted.fps else own_fps
    if wanted and wanted.width and wanted.height:
        return FilmForm(wanted.width, wanted.height, fps)
    return FilmForm(first.form.width // 2 * 2, first.form.height // 2 * 2, fps)


def _find_take(scene: EpisodeScene, assets: Mapping[int, Asset]) -> SceneTake | None:
    row = scene.row
    if row is None or row.video_path is None:
        return None
    if row.accepted_fingerprint is None:
        return _probe_video(Path(row.video_path))
    asset = None if row.accepted_asset_id is None else assets.get(row.accepted_asset_id)
    if asset is None:
        return None
    shape = asset.probe
    form = FilmForm(shape["width"], shape["height"], Fraction(shape["fps_exact"]))
    return SceneTake(MediaFile(Path(asset.path), asset.sha256), shape["frames"], form)


def _probe_video(path: Path) -> SceneTake | None:
    """Return the user's own video; None if its file is gone. Raises MediaUnreadableError."""
    try:
        state = path.stat()
    except OSError:
        return None
    return _probe_unchanged(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=256)
def _probe_unchanged(path: Path, _mtime_ns: int, _size: int) -> SceneTake:
    """Decode and hash the file once for each of its states."""
    found = probe(path)
    form = FilmForm(found.width, found.height, found.fps)
    return SceneTake(MediaFile(path, sha256_of(path)), found.frames, form)
