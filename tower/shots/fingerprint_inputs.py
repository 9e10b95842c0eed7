"""The inputs of a scene's fingerprint, their one JSON form, and the hash over it.

What is left out of a part is not in its JSON: `null` and nothing are two things to a hash.
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

from tower.versions.values import canonical, encoded, same

MISSING = "missing"  # instead of the hash of a file or graph that is not there
log = logging.getLogger("tower.staleness")


class Part(BaseModel):
    """One of the inputs. Scenes that have it in common share it, and it is written out once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @cached_property
    def written(self) -> str:
        """Its JSON, as `encoded` writes it."""
        return encoded(self.given()).decode()

    def given(self) -> dict[str, Any]:
        """Its fields, without those that are left out."""
        fields = vars(self)
        return {name: fields[name] for name in self.model_fields_set}

    def __copy__(self) -> Self:
        """Without `written`: a copy may be changed before it is used."""
        return type(self)(**self.given())


class SceneInputs(Part):
    """The scene's own words. Those that are shown are left out where the request brings a prompt of its own.

    `negative_prompt` and `type` are there only if the request names them.
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


class CharacterInputs(Part):
    """What is drawn of a character. One that the branch does not have is a name, with `key` None.

    `description` counts only where there is no visual_description. `image_path`: the sha256 of the reference image.
    """

    key: str | None
    name: str
    visual_description: str | None = None
    description: str | None = None
    visual_traits: dict[str, str] = {}
    image_path: str | None = None


class StyleInputs(Part):
    """The words of a style. `prompt` is MISSING, and the rest left out, where the branch has no style of the name."""

    name: str
    prompt: str
    negative_prompt: str | None = None
    sampler_settings: dict[str, JsonValue] = {}


class ProductionInputs(Part):
    """Preset and settings of the project. Sizes in pixels."""

    width: int
    height: int
    fps: int | float
    steps: int
    cfg: int | float
    sampler: str
    scheduler: str


class ModelInputs(Part):
    """`files`: the sha256 by name of those that were hashed; what was never hashed is left out."""

    name: str
    files: dict[str, str]


class WorkflowInputs(Part):
    """`graph`: the sha256 over graph and bindings; MISSING, without a version, where no workflow has the name."""

    name: str
    version: int | None
    graph: str

    @classmethod
    def of(cls, graph: Mapping[str, Any]) -> Self:
        """Of a WorkflowGraph, as JSON."""
        content = encoded(canonical([graph["graph"], graph["bindings"]], "graph"))
        return cls(name=graph["name"], version=graph["version"], graph=hashlib.sha256(content).hexdigest())


class SeedInputs(Part):
    """`of`: the name of the character whose fixed seed it is; None where it is made from the scene's key."""

    value: int
    of: str | None


class EngineInputs(Part):
    """The engine as a shot's fingerprint knows it."""

    name: str
    version: str


class FingerprintInputs(BaseModel):
    """All that the picture of a scene depends on. `workflow` is None where no ComfyUI renders."""

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
        own = {"rules": self.rules, "scene": self.scene.given(), "seed": self.seed.given()}
        written = (
            f'{{"characters":[{",".join([one.written for one in self.characters])}]'
            f',"engine":{self.engine.written},"model":{self.model.written},"production":{self.production.written}'
            f',{encoded(own)[1:-1].decode()},"style":{self.style.written}'
            f',"workflow":{self.workflow.written if self.workflow else "null"}}}'
        )
        return hashlib.sha256(written.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """As it is kept with a job and with an accepted take."""
        return self.model_dump(mode="json", exclude_unset=True)


def _unchanged(stored: Any, read: ValidatorFunctionWrapHandler) -> FingerprintInputs:
    """Inputs whose JSON is the stored one: another would have another fingerprint."""
    inputs: FingerprintInputs = read(stored)
    if stored is not inputs and not same(inputs.as_json(), stored):
        raise ValueError("this version would write it otherwise")
    return inputs


StoredInputs = Annotated[
    FingerprintInputs, WrapValidator(_unchanged), PlainSerializer(FingerprintInputs.as_json, return_type=dict[str, Any])
]
_STORED: TypeAdapter[FingerprintInputs] = TypeAdapter(StoredInputs)


def read_inputs(stored: Any) -> FingerprintInputs | None:
    """From the JSON that was kept with a take; None where nothing was kept, or another version wrote it."""
    if stored is None:
        return None
    try:
        return _STORED.validate_python(stored)
    except ValidationError as unreadable:
        log.warning("What a take was made from cannot be read: %s", unreadable.errors(include_input=False)[0]["msg"])
        return None
