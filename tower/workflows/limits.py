"""The sizes and counts that a server accepts for an input, as its /object_info publishes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import lcm
from typing import Any

from tower.errors import InvalidError
from tower.workflows.graph import Binding
from tower.workflows.nodes import InputSpec
from tower.workflows.paths import GraphPaths

LATENT_GRID_PX = 8
MAX_SURPLUS = 1000  # frames that are tried beyond the wanted ones


def cover_frames(paths: GraphPaths, binding: Binding, frames: int) -> int:
    """The smallest number of frames that the server takes and that covers `frames`.

    Models for video take 1, 5, 9, … or 7, 13, 19, … frames, and the server cuts off the rest without an error. Raises
    InvalidError if it takes no number so large.
    """
    specs = list(_limiting_specs(paths, binding))
    count = next((count for count in range(frames, frames + MAX_SURPLUS) if all(_takes(s, count) for s in specs)), None)
    if count is None:
        most = min((limit for spec in specs if (limit := _whole(spec, "max"))), default="another number of")
        raise InvalidError.field("frames", frames, f"a shot of at most {most} frames, which is what the workflow takes")
    return count


def cover_pixels(paths: GraphPaths, binding: Binding, pixels: int) -> int:
    """The smallest size on the grid of latents and of the server that covers `pixels`."""
    grid = lcm(LATENT_GRID_PX, *(_whole(spec, "step") or 1 for spec in _limiting_specs(paths, binding)))
    return -(-pixels // grid) * grid


@dataclass(frozen=True)
class Limits:
    """The values that an input takes: from `least` in steps of `step` to `most`; None: no limit."""

    least: int
    most: int | None
    step: int
    is_whole: bool


def read_limits(paths: GraphPaths, binding: Binding, *, is_size: bool) -> Limits:
    """The limits of the input, and of those that it is wired to. Sizes are also on the grid of latents."""
    specs = list(_limiting_specs(paths, binding))
    most = [limit for spec in specs if (limit := _whole(spec, "max")) is not None]
    steps = [_whole(spec, "step") or 1 for spec in specs]
    return Limits(
        least=max((_whole(spec, "min") or 0 for spec in specs), default=0),
        most=min(most, default=None),
        step=lcm(LATENT_GRID_PX if is_size else 1, *steps),
        is_whole=any(spec.kind == "INT" for spec in specs),
    )


def _limiting_specs(paths: GraphPaths, binding: Binding) -> Iterator[InputSpec]:
    """The description of the input and, if it is a constant, those of the inputs that it is wired to."""
    own = paths.specs(binding.node).get(binding.input)
    if own is not None:
        yield own
    for node in paths.graph if _gives_numbers(paths, binding.node) else ():
        for name in paths.wired(node):
            spec = paths.specs(node).get(name)
            if spec and spec.kind == "INT" and paths.value_holder(node, name) == (binding.node, binding.input):
                yield spec


def _gives_numbers(paths: GraphPaths, node: str) -> bool:
    return any(kind in ("INT", "FLOAT", "*") for kind in paths.outputs(node))


def _takes(spec: InputSpec, count: int) -> bool:
    low, high, step = _whole(spec, "min") or 0, _whole(spec, "max"), _whole(spec, "step") or 1
    return count >= low and (high is None or count <= high) and (count - low) % step == 0


def _whole(spec: InputSpec, option: str) -> int | None:
    value: Any = spec.options.get(option)
    is_whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    return int(value) if is_whole else None
