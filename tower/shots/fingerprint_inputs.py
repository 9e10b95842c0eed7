"""The inputs of a scene's fingerprint, their one JSON form, and the hash over it.

The JSON of a part leaves out its unset fields, because `null` and an absent field give different hashes.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    JsonValue,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from tower.versions.values import are_equal, canonicalise, encode_canonical

MISSING = "missing"  # in place of the hash of a missing file or graph
log = logging.getLogger("tower.staleness")


class InputPart(BaseModel):
    """One part of the inputs. Scenes with equal parts share one object, so its JSON is written once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @cached_property
    def canonical_json(self) -> str:
        """The JSON of the part, as `encode_canonical` writes it."""
        return encode_canonical(self.set_fields()).decode()

    def set_fields(self) -> dict[str, Any]:
        """The fields that are set."""
        fields = vars(self)
        return {name: fields[name] for name in self.model_fields_set}

    def __copy__(self) -> Self:
        """Copy without the cached JSON, because a copy may be changed before it is used."""
        return type(self)(**self.set_fields())


class SceneInputs(InputPart):
    """The scene's own text. Its visible text is left out if the request has its own prompt.

    `negative_prompt` and `type` are set only if the request names them.
    """

    description: str | None = None
    location: str | None = None
    mood: str | None = None
    camera: str | None = None
    speakers: list[str] = []
    scene_type: str
    duration_s: int | float
    negative_prompt: str | None = None
    type: str | None = None
    prompt: str | None = None


class CharacterInputs(InputPart):
    """The visible traits of a character. A character that the branch does not have is a name, with `key` None.

    `description` counts only if there is no visual_description. `image_path`: the sha256 of the reference image.
    """

    key: str | None
    name: str
    visual_description: str | None = None
    description: str | None = None
    visual_traits: dict[str, str] = {}
    image_path: str | None = None


class StyleInputs(InputPart):
    """The text of a style. If the branch has no style of this name, `prompt` is MISSING and the rest is left out."""

    name: str
    prompt: str
    negative_prompt: str | None = None
    sampler_settings: dict[str, JsonValue] = {}


class ProductionInputs(InputPart):
    """The quality preset and the settings of the project. Sizes are in pixels."""

    width: int
    height: int
    fps: int | float
    steps: int
    cfg: int | float
    sampler: str
    scheduler: str


class ModelInputs(InputPart):
    """`files`: the sha256 of each model file by name, without the files that were never hashed."""

    name: str
    files: dict[str, str]


class WorkflowInputs(InputPart):
    """`graph`: the sha256 over graph and bindings. If no workflow has the name, it is MISSING and `version` is None."""

    name: str
    version: int | None
    graph: str

    @classmethod
    def from_graph(cls, graph: Mapping[str, Any]) -> Self:
        """Build the inputs from a WorkflowGraph as a dict."""
        content = encode_canonical(canonicalise([graph["graph"], graph["bindings"]], "graph"))
        return cls(name=graph["name"], version=graph["version"], graph=hashlib.sha256(content).hexdigest())


class SeedInputs(InputPart):
    """`of`: the name of the character whose fixed seed it is; None for a seed that is derived from the scene's key."""

    value: int
    of: str | None


class EngineInputs(InputPart):
    """The name and version of the engine."""

    name: str
    version: str


class FingerprintInputs(BaseModel):
    """Everything that the picture of a scene depends on. `workflow` is None unless the engine renders a graph."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: int
    scene: SceneInputs
    characters: list[CharacterInputs]
    style: StyleInputs
    production: ProductionInputs
    model: ModelInputs
    workflow: WorkflowInputs | None
    seed: SeedInputs
    engine: EngineInputs

    @property
    def fingerprint(self) -> str:
        """The sha256 over the canonical JSON, in hex."""
        scene_only = {"rules": self.rules, "scene": self.scene.set_fields(), "seed": self.seed.set_fields()}
        written = (
            f'{{"characters":[{",".join([character.canonical_json for character in self.characters])}]'
            f',"engine":{self.engine.canonical_json},"model":{self.model.canonical_json},"production":{self.production.canonical_json}'
            f',{encode_canonical(scene_only)[1:-1].decode()},"style":{self.style.canonical_json}'
            f',"workflow":{self.workflow.canonical_json if self.workflow else "null"}}}'
        )
        return hashlib.sha256(written.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """The JSON that is stored with a job and with an accepted take."""
        return self.model_dump(mode="json", exclude_unset=True)


def _validate_unchanged(stored: Any, read: ValidatorFunctionWrapHandler) -> FingerprintInputs:
    """Refuse stored JSON that this version would write differently: its fingerprint would differ too."""
    inputs: FingerprintInputs = read(stored)
    if stored is not inputs and not are_equal(inputs.as_json(), stored):
        raise ValueError("this version would write it differently")
    return inputs


StoredFingerprintInputs = Annotated[
    FingerprintInputs,
    WrapValidator(_validate_unchanged),
    PlainSerializer(FingerprintInputs.as_json, return_type=dict[str, Any]),
]
_STORED: TypeAdapter[FingerprintInputs] = TypeAdapter(StoredFingerprintInputs)


def read_stored_inputs(stored: Any) -> FingerprintInputs | None:
    """Read the JSON that was stored with a take; None if there is none or this version cannot read it."""
    if stored is None:
        return None
    try:
        return _STORED.validate_python(stored)
    except ValidationError as error:
        log.warning("The fingerprint inputs of a take cannot be read: %s", error.errors(include_input=False)[0]["msg"])
        return None
