"""Keeps the values that the author of a user's workflow chose, unless a user names others.

The defaults of Tower suit its built-in workflows. Sent to a graph for another family of models, 40 steps or a size of
1024×1024 would spoil it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from db.models.styles import StyleTemplate
from tower.jobs.production import Sources, is_named
from tower.jobs.spec import GenerationSpec
from tower.media.rates import exact_rate, rate_number
from tower.shots.prompts import join_phrases
from tower.workflows.bindings import get_bound_value
from tower.workflows.builtins import builtin_workflows
from tower.workflows.graph import WorkflowGraph

SAMPLING_INPUTS = ("steps", "cfg", "sampler", "scheduler")
SIZE_INPUTS = ("width", "height")
FORM_INPUTS = (*SIZE_INPUTS, "frames", "fps")  # Tower checks them in the clip, so it must know them
SHOT_FIELDS = {"negative": "negative_prompt", "model": "model"} | {name: name for name in SAMPLING_INPUTS + FORM_INPUTS}
_KINDS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("steps", *SIZE_INPUTS, "frames"), (int,)),
    **dict.fromkeys(("cfg", "fps"), (int, float)),
    **dict.fromkeys(("sampler", "scheduler", "model", "negative"), (str,)),
}


@dataclass(frozen=True)
class AuthoredWorkflow:
    """A workflow whose bindings are only those of settings that a user named.

    `values`: the fields of a Shot that keep what the graph has.
    """

    graph: WorkflowGraph
    values: Mapping[str, Any] = field(default_factory=dict)


def named_inputs(sources: Sources, style: StyleTemplate | None, *, in_seconds: bool = False) -> frozenset[str]:
    """The inputs of a workflow for which a user named a value, in the request, the scene, the project or POST /config.

    `in_seconds`: the shot is rendered in segments of one second, whose lengths Tower decides.
    """
    own_style = style if is_named(sources, "style") else None
    sampling = (own_style and own_style.sampler_settings) or {}
    named = {name: is_named(sources, "quality", name) or name in sampling for name in SAMPLING_INPUTS}
    named |= dict.fromkeys(SIZE_INPUTS, is_named(sources, "quality", *SIZE_INPUTS))
    named |= {name: is_named(sources, name) for name in ("fps", "model")}
    named["frames"] = in_seconds or is_named(sources, "duration_s")
    named["negative"] = is_named(sources, "negative_prompt") or bool(own_style and own_style.negative_prompt)
    return frozenset(name for name, is_so in named.items() if is_so)


def keep_authored_values(workflow: WorkflowGraph, named: frozenset[str]) -> AuthoredWorkflow:
    """Take away the bindings of the inputs that are not named. A built-in workflow keeps all bindings.

    An input of the clip's form keeps its binding if the graph has no plain value there.
    """
    if workflow.name in builtin_workflows():
        return AuthoredWorkflow(workflow)
    kept = {name: value for name in SHOT_FIELDS if name not in named for value in _plain_values(workflow, name)}
    unknown = {name for name in FORM_INPUTS if name not in kept}
    if unknown.intersection(SIZE_INPUTS):
        kept = {name: value for name, value in kept.items() if name not in SIZE_INPUTS}
        unknown |= set(SIZE_INPUTS)
    bound = named | unknown
    bindings = {name: inputs for name, inputs in workflow.bindings.items() if name in bound or name not in SHOT_FIELDS}
    return AuthoredWorkflow(
        replace(workflow, bindings=bindings), {SHOT_FIELDS[name]: value for name, value in kept.items()}
    )


def warn_of_unused(workflow: WorkflowGraph, named: frozenset[str]) -> tuple[str, ...]:
    """A sentence for each value that a user named and the workflow has no input for; the prompt is always named."""
    said = named | {"prompt"}
    unused = [name for name in ("prompt", *SHOT_FIELDS) if name in said and not workflow.bindings.get(name)]
    return tuple(
        f"The workflow {workflow.name} has no input for {name}: "
        f"{'the text in its graph is rendered' if name == 'prompt' else 'its graph decides'}; bind one when you add it"
        for name in unused
    )


def build_named_negative(spec: GenerationSpec, style: StyleTemplate, sources: Sources) -> str:
    """The negative prompt without the words that only the defaults of Tower would add."""
    named_style = style.negative_prompt if is_named(sources, "style") else None
    return join_phrases([spec.negative_prompt, named_style])


def _plain_values(workflow: WorkflowGraph, name: str) -> list[Any]:
    """The value of the input in the graph, as a list of one; empty if it is wired or of another kind."""
    value = get_bound_value(workflow, name, workflow.graph)
    is_plain = isinstance(value, _KINDS[name]) and not isinstance(value, bool)
    if not is_plain or (name in FORM_INPUTS and value <= 0):
        return []
    return [rate_number(exact_rate(value))] if name == "fps" else [value]
