"""Where a film comes from: the take of each shot, and the engine and model that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.episodes import Episode
from db.models.projects import Project
from db.models.rendering import Asset
from db.models.scenes import Scene
from tower.assembly.cut import EpisodeCut, Shot
from tower.engines.installed import installed_engines
from tower.publishing.provenance import FilmShot, PictureSource, Provenance
from tower.story.entities import LocatedRow
from tower.versions import heads


def describe_origin(session: Session, episode: LocatedRow[Episode], cut: EpisodeCut, commit: str | None) -> Provenance:
    """Where the film of a cut comes from. `commit`: of its story; None: the branch's newest."""
    project = session.get_one(Project, episode.project_id)
    commit = commit or heads.load_head(session, project.id, episode.branch, lock=False).commit.hash
    takes = _find_takes(session, project.id, cut)
    fingerprints = _find_fingerprints(session, episode.row.branch_id, cut)
    shots = []
    for item, start in zip(cut.items, cut.starts, strict=True):
        if isinstance(item, Shot):
            sha256, fps = item.take.sha256, cut.form.fps
            take = takes.get(sha256)
            engine = None if take is None else str(take.provenance.get("engine"))
            shot = FilmShot(float(start / fps), float((start + item.frames) / fps), str(item.scene_key), sha256, engine)
            model, fingerprint = _find_model(session, take), fingerprints.get((item.scene_key, sha256))
            shots.append(replace(shot, model=model, fingerprint=fingerprint))
    return Provenance(project.id, project.name, commit, tuple(shots), _picture_source(shots), episode.branch)


def _find_takes(session: Session, project_id: int, cut: EpisodeCut) -> Mapping[str, Asset]:
    """The rendered takes of the film by their content, the newest of equal ones. A user's own video has none."""
    wanted = {item.take.sha256 for item in cut.items if isinstance(item, Shot)}
    rows = select(Asset).where(Asset.sha256.in_(wanted), Asset.project_id == project_id).order_by(Asset.id)
    return {asset.sha256: asset for asset in session.scalars(rows) if "engine" in asset.provenance}


def _find_fingerprints(session: Session, branch_id: int, cut: EpisodeCut) -> Mapping[tuple[UUID, str], str]:
    """The fingerprints of the accepted takes, by scene and content of the take."""
    keys = {item.scene_key for item in cut.items if isinstance(item, Shot)}
    rows = session.execute(
        select(Scene.key, Asset.sha256, Scene.accepted_fingerprint)
        .join(Asset, Asset.id == Scene.accepted_asset_id)
        .where(Scene.branch_id == branch_id, Scene.key.in_(keys))
    )
    return {(key, sha256): fingerprint for key, sha256, fingerprint in rows if fingerprint is not None}


def _find_model(session: Session, take: Asset | None) -> str | None:
    """The model file of a take, or of the first part that it was joined from; None if its engine has none."""
    if take is None or not _is_trained(take.provenance.get("engine")):
        return None
    parts = take.provenance.get("joined_from_assets") or ()
    origin = session.get(Asset, parts[0]) if parts else take
    model = (origin.provenance.get("shot") or {}).get("model") if origin else None
    return str(model) if model else None


def _picture_source(shots: Sequence[FilmShot]) -> PictureSource:
    """How the pictures were made. A film with a user's own videos is a composite of whatever they are."""
    kinds = {None if shot.engine is None else _is_trained(shot.engine) for shot in shots}
    if kinds == {True}:
        return PictureSource.TRAINED_MODEL
    if kinds == {False}:
        return PictureSource.ALGORITHM
    return PictureSource.COMPOSITE if True in kinds else PictureSource.MIXED


def _is_trained(engine: object) -> bool:
    """Whether an engine draws with a trained model. One that is not installed here counts as such."""
    entry = installed_engines().entries.get(str(engine))
    return entry is None or entry.uses_trained_model
