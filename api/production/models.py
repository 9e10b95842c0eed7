"""The model files that can be used to render."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field

from api.http.dependencies import CurrentSettings, DatabaseSession
from api.http.strict_routes import strict_router
from api.production.dependencies import Hashes
from db.models.learning import LearningModel, ModelKind
from tower.models.catalogue import save_inventory, take_inventory

SIZE_UNKNOWN = "this ComfyUI does not report the size of the file"
FILE_OUT_OF_REACH = "ComfyUI does not report it, and Tower cannot read its files"
HASH_PENDING = "the file is being hashed: try again later"
UNRATED = "too few of its takes are rated"
UNKNOWN_USE = "Tower does not know this file"

router = strict_router(prefix="/api/anime", tags=["models"])


class Model(BaseModel):
    """A model file. Unknown fields are null, and `reasons` says why."""

    name: str = Field(examples=["counterfeit_v3.safetensors"], description="The name that workflows use.")
    kind: ModelKind
    size_bytes: int | None = Field(examples=[4_244_098_984])
    sha256: str | None
    quality_rating: float | None = Field(ge=0, le=10)
    recommended_use: str | None = Field(examples=["Anime stills and AnimateDiff shots on Stable Diffusion 1.5"])
    reasons: dict[str, str] = Field(examples=[{"quality_rating": UNRATED}])

    @classmethod
    def of(cls, row: LearningModel, *, is_reachable: bool) -> Self:
        fields = {
            "size_bytes": (row.bytes, SIZE_UNKNOWN),
            "sha256": (row.sha256, HASH_PENDING if is_reachable else FILE_OUT_OF_REACH),
            "quality_rating": (row.rating, UNRATED),
            "recommended_use": (row.recommended_use, UNKNOWN_USE),
        }
        return cls(
            name=row.name,
            kind=row.kind,
            **{name: value for name, (value, _) in fields.items()},
            reasons={name: reason for name, (value, reason) in fields.items() if value is None},
        )


class Models(BaseModel):
    """`source` is the ComfyUI or folder that was read. `reason` says why it is null or not the first choice."""

    source: str | None = Field(examples=["http://127.0.0.1:8188"])
    reason: str | None
    models: list[Model]


@router.get("/models")
def models(
    settings: CurrentSettings,
    session: DatabaseSession,
    hashes: Hashes,
    kind: ModelKind | None = None,
) -> Models:
    """The models that ComfyUI has now; without ComfyUI, those in TOWER_MODELS_DIR. Hashes are filled in over time."""
    stock = take_inventory(settings)
    with session.begin():
        rows = [row for row in save_inventory(session, stock) if kind in (None, row.kind)]
    paths = stock.paths()
    for row in rows:
        if row.sha256 is None and (row.kind, row.name) in paths:
            hashes.enqueue(row.id, paths[row.kind, row.name])
    answers = [Model.of(row, is_reachable=(row.kind, row.name) in paths) for row in rows]
    return Models(source=stock.source, reason=stock.reason, models=answers)
