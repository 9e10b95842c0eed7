"""The catalogue of models: read from ComfyUI or a folder, and kept in `learning_models` with rating and use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.learning import LearningModel, ModelKind
from tower.clients.comfyui.errors import ComfyUIError
from tower.errors import NotFoundError
from tower.models.files import KIND_BY_FOLDER, ModelFile, is_model, kind_of, scan_folder
from tower.models.known import find_recommended_use
from tower.settings import Settings

ASK_TIMEOUT_S = 5.0
GENERATION_FOLDERS = ("checkpoints", "diffusion_models")  # the folders of models that a generation may use


@dataclass(frozen=True)
class ModelInventory:
    """The model files of a source. `reason`: why there is no source, or why it is the folder and not ComfyUI."""

    source: str | None
    files: tuple[ModelFile, ...] = ()
    reason: str | None = None

    def paths(self) -> dict[tuple[ModelKind, str], Path]:
        """The paths of the files on this machine, by kind and name."""
        return {(file.kind, file.name): file.path for file in self.files if file.path is not None}


def take_inventory(settings: Settings) -> ModelInventory:
    """List the models of ComfyUI, or else of the models folder. `reason` explains a failure."""
    reason = "no TOWER_COMFYUI_URL and no TOWER_MODELS_DIR: set one of them"
    if settings.comfyui is not None:
        try:
            return ModelInventory(str(settings.comfyui), _list_comfyui(settings.comfyui))
        except ComfyUIError as error:
            reason = error.message
    if settings.models_dir is None:
        return ModelInventory(None, reason=reason)
    try:
        return ModelInventory(
            str(settings.models_dir), tuple(scan_folder(settings.models_dir)), _fallback_reason(settings, reason)
        )
    except OSError as error:
        return ModelInventory(None, reason=f"TOWER_MODELS_DIR cannot be read: {error.strerror}: {settings.models_dir}")


def list_checkpoints(comfyui_url: str) -> list[str]:
    """The names of models that a generation may use on this ComfyUI. Raises ComfyUIError."""
    return [name for _, name, _ in _names(comfyui_url, GENERATION_FOLDERS)]


def save_inventory(session: Session, inventory: ModelInventory) -> Sequence[LearningModel]:
    """Save the found models and mark missing ones. Returns the rows of the models that are there. The caller commits.

    The hash of a model is deleted when its file has another size or was changed since it was last seen.
    """
    if inventory.source is None:
        return ()
    found = {(file.kind, file.name): file for file in sorted(inventory.files, key=lambda file: (file.kind, file.name))}
    _forget_changed(session, inventory.source, found)
    if found:
        _upsert(session, inventory.source, list(found.values()))
    here = LearningModel.source == inventory.source
    gone = tuple_(LearningModel.kind, LearningModel.name).not_in(list(found))
    session.execute(
        update(LearningModel).where(here, gone, LearningModel.missing_since.is_(None)).values(missing_since=func.now()),
        execution_options={"synchronize_session": False},
    )
    present = select(LearningModel).where(here, LearningModel.missing_since.is_(None))
    in_order = present.order_by(LearningModel.kind, LearningModel.name)
    return session.scalars(in_order.execution_options(populate_existing=True)).all()


def _fallback_reason(settings: Settings, reason: str) -> str | None:
    return None if settings.comfyui_url is None else f"the folder was scanned instead: {reason}"


def _list_comfyui(url: str) -> tuple[ModelFile, ...]:
    found = _names(url, KIND_BY_FOLDER, with_sizes=True)
    return tuple(ModelFile(kind_of(folder), name, size) for folder, name, size in found if is_model(name))


def _names(url: str, folders: Iterable[str], *, with_sizes: bool = False) -> Iterator[tuple[str, str, int | None]]:
    """The folder, the name and the bytes, if known, of each model. Raises ComfyUIError."""
    from tower.clients.comfyui.client import ComfyUIClient  # imported late: it loads a websocket library

    with ComfyUIClient(url, timeout_s=ASK_TIMEOUT_S) as comfyui:
        for folder in folders:
            try:
                names = comfyui.catalogue.list_models(folder)
            except NotFoundError:  # a folder that only some servers have
                continue
            sizes = comfyui.catalogue.get_model_sizes(folder) if with_sizes and names else {}
            yield from ((folder, name, sizes.get(name)) for name in names)


def _forget_changed(session: Session, source: str, found: dict[tuple[ModelKind, str], ModelFile]) -> None:
    hashed = select(LearningModel).where(LearningModel.source == source, LearningModel.sha256.is_not(None))
    for row in session.scalars(hashed.order_by(LearningModel.kind, LearningModel.name).with_for_update()):
        file = found.get((row.kind, row.name))
        if file and file.changed_at and (file.bytes != row.bytes or file.changed_at > row.seen_at):
            row.sha256 = None
    session.flush()


def _upsert(session: Session, source: str, files: Sequence[ModelFile]) -> None:
    now = datetime.now(UTC)  # the clock of this machine, like that of `changed_at`
    rows = [
        {
            "source": source,
            "kind": file.kind,
            "name": file.name,
            "bytes": file.bytes,
            "recommended_use": find_recommended_use(file.name, file.kind),
            "seen_at": now,
        }
        for file in files
    ]
    new = insert(LearningModel).values(rows)
    session.execute(
        new.on_conflict_do_update(
            index_elements=["source", "kind", "name"],
            set_={
                "bytes": new.excluded.bytes,
                "recommended_use": func.coalesce(LearningModel.recommended_use, new.excluded.recommended_use),
                "seen_at": new.excluded.seen_at,
                "missing_since": None,
            },
        ),
        execution_options={"synchronize_session": False},
    )
