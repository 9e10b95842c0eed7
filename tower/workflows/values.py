"""Checks whether a value fits the input of a node."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from tower.workflows.findings import GraphFinding, GraphFindingCode, InputLocation
from tower.workflows.nodes import InputSpec

# Inputs that name a model file, and their folder in ComfyUI.
MODEL_FOLDERS = {
    "ckpt_name": "checkpoints",
    "vae_name": "vae",
    "lora_name": "loras",
    "unet_name": "diffusion_models",
    "clip_name": "text_encoders",
    "control_net_name": "controlnet",
    "style_model_name": "style_models",
    "hypernetwork_name": "hypernetworks",
}
MAX_VALUE_LENGTH = 80
MOTION_FOLDER = "animatediff_models"
UPSCALE_FOLDER = "upscale_models"


def check_value(
    node: str, node_class: str, spec: InputSpec, value: Any, *, models: Mapping[str, Sequence[str]]
) -> Iterator[GraphFinding]:
    """The findings for a value of an input; none if it fits."""
    where: InputLocation = {"node": node, "node_class": node_class, "input": spec.name}
    if spec.kind == "COMBO":
        yield from _list_findings(where, spec, value, models)
    elif spec.kind in ("INT", "FLOAT"):
        yield from _number_findings(where, spec, value)
    elif spec.kind in ("STRING", "BOOLEAN"):
        yield from _text_or_boolean_findings(where, spec, value)
    elif not _may_be_typed_in(spec):
        message = f"{spec.name} of {node_class} takes the output of a node ({spec.kind}), not a value"
        yield GraphFinding(GraphFindingCode.WRONG_TYPE, message, f"Wire it to an output of type {spec.kind}", **where)


def find_model_folder(node_class: str, input_name: str) -> str | None:
    """The ComfyUI folder of the model file that this input names; None if the input names no model."""
    if input_name == "model_name" and node_class.startswith("ADE_"):
        return MOTION_FOLDER
    if input_name == "model_name" and node_class == "UpscaleModelLoader":
        return UPSCALE_FOLDER
    return MODEL_FOLDERS.get(input_name.rstrip("0123456789"))


def _list_findings(
    where: InputLocation, spec: InputSpec, value: Any, models: Mapping[str, Sequence[str]]
) -> Iterator[GraphFinding]:
    choices = spec.choices or ()
    if value in choices or spec.is_upload:
        return
    name = where["node_class"]
    folder = find_model_folder(name, spec.name)
    if folder is None:
        closest = _closest(value, choices)
        remedy = f"Did you mean {closest!r}?" if closest else _choice_remedy(value, choices)
        message = f"{spec.name} of {name} cannot be {shorten(value)}"
        yield GraphFinding(GraphFindingCode.NOT_IN_LIST, message, remedy, **where)
        return
    message = f"The server does not have the model {shorten(value)} ({spec.name} of {name})"
    yield GraphFinding(GraphFindingCode.MISSING_MODEL, message, _model_remedy(value, folder, choices, models), **where)


def _model_remedy(value: Any, folder: str, choices: Sequence[Any], models: Mapping[str, Sequence[str]]) -> str:
    elsewhere = next((other for other, files in models.items() if other != folder and value in files), None)
    if elsewhere:
        return f"It is in models/{elsewhere}: move it to models/{folder} of ComfyUI"
    closest = _closest(value, choices)
    hint = f", or use {closest!r}" if closest else f"; there are: {listed(choices)}" if choices else ""
    return f"Put it into models/{folder} of ComfyUI{hint}"


def _closest(value: Any, choices: Sequence[Any]) -> str | None:
    """The choice that was probably meant: the same name with another extension or folder, or a similar name."""
    names = [choice for choice in choices if isinstance(choice, str)]
    stem = PurePosixPath(str(value)).stem.lower()
    same = [name for name in names if PurePosixPath(name.replace("\\", "/")).stem.lower() == stem]
    return next(iter(same or difflib.get_close_matches(str(value), names, n=1, cutoff=0.75)), None)


def listed(choices: Sequence[Any]) -> str:
    """The first choices, as the end of a sentence."""
    first = ", ".join(str(choice)[:MAX_VALUE_LENGTH] for choice in choices[:8])
    return f"{first}, …" if len(choices) > 8 else first or "none (the server's list is empty)"


def shorten(value: Any) -> str:
    """The value as a sentence shows it, shortened."""
    text = repr(value) if isinstance(value, str | int | float | bool | None) else "a list or object"
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}…"


def _choice_remedy(value: Any, choices: Sequence[Any]) -> str:
    if choices:
        return f"Choose one of: {listed(choices)}"
    if isinstance(value, str) and PurePosixPath(value).suffix:
        return f"Put {shorten(value)} into the input folder of ComfyUI: the server lists no file for it"
    return "The server lists no choice for it: see in ComfyUI what the node needs"


def _number_findings(where: InputLocation, spec: InputSpec, value: Any) -> Iterator[GraphFinding]:
    name = f"{spec.name} of {where['node_class']}"
    number = _as_number(spec.kind, value)
    if number is None:
        kind = "a whole number" if spec.kind == "INT" else "a number"
        yield GraphFinding(
            GraphFindingCode.WRONG_TYPE, f"{name} takes {kind}, not {shorten(value)}", f"Write {kind}", **where
        )
        return
    if isinstance(value, str | bool):
        message, remedy = f"{name} holds {shorten(value)}, which the server turns into {number}", f"Write {number}"
        yield GraphFinding(GraphFindingCode.WRONG_TYPE, message, remedy, fatal=False, **where)
    low, high = spec.options.get("min"), spec.options.get("max")
    if (low is not None and number < low) or (high is not None and number > high):
        message = f"{name} is {number}, outside {'−∞' if low is None else low} … {'∞' if high is None else high}"
        yield GraphFinding(GraphFindingCode.OUT_OF_RANGE, message, "Choose a value inside the range", **where)
    elif spec.kind == "INT" and spec.name in ("width", "height"):
        yield from _grid_findings(where, spec, int(number))


def _grid_findings(where: InputLocation, spec: InputSpec, pixels: int) -> Iterator[GraphFinding]:
    """A warning for a size that is not a multiple of the step. The server silently cuts off the rest."""
    step = spec.options.get("step") or 1
    if pixels % step:
        message = (
            f"{spec.name} of {where['node_class']} is {pixels}, which is not a multiple of {step}: the rest is cut off"
        )
        remedy = f"Use {-(-pixels // step) * step} and crop after decoding"
        yield GraphFinding(GraphFindingCode.OUT_OF_RANGE, message, remedy, fatal=False, **where)


def _as_number(kind: str, value: Any) -> float | None:
    """The number as the server converts it; None if it fails. int("64") is 64, int("forty") fails."""
    try:
        return int(value) if kind == "INT" else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _text_or_boolean_findings(where: InputLocation, spec: InputSpec, value: Any) -> Iterator[GraphFinding]:
    expected = str if spec.kind == "STRING" else bool
    if isinstance(value, expected):
        return
    kind = "a text" if spec.kind == "STRING" else "true or false"
    message = f"{spec.name} of {where['node_class']} takes {kind}, not {shorten(value)}"
    is_scalar = isinstance(value, str | int | float | bool)  # the server converts these
    yield GraphFinding(GraphFindingCode.WRONG_TYPE, message, f"Write {kind}", fatal=not is_scalar, **where)


def _may_be_typed_in(spec: InputSpec) -> bool:
    """Whether a value is allowed: inputs of any type, and types that node packs use for display in the editor."""
    return spec.kind in ("*", "ADEWARN", "ADEAUTOSIZE") or spec.kind.startswith("COMFY_")
