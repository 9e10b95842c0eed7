"""Finds the samplers of a graph, and the bindings of seed, steps, guidance, method and model."""

from __future__ import annotations

from tower.workflows.inference_notes import InferenceNotes
from tower.workflows.nodes import class_of, inputs_of
from tower.workflows.paths import GraphPaths
from tower.workflows.values import find_model_folder

MODEL_INPUTS = ("ckpt_name", "unet_name", "model_name", "gguf_name")
# The name, the inputs that hold it, and the linked input to follow if the sampler itself has none of them.
SAMPLER_SETTINGS = (
    ("seed", ("seed", "noise_seed"), "noise"),
    ("steps", ("steps",), "sigmas"),
    ("cfg", ("cfg",), "guider"),
    ("sampler", ("sampler_name",), "sampler"),
    ("scheduler", ("scheduler",), "sigmas"),
)


def find_samplers(paths: GraphPaths, saved: list[str]) -> list[str]:
    """The samplers that lead to an output, in order of execution and then of the graph."""
    reached = {node for output in saved for node in paths.walk_upstream(output)}
    samplers = [node for node in paths.graph if node in reached and _is_sampler(paths, node)]
    before = {node: sum(other in samplers for other in paths.walk_upstream(node)) for node in samplers}
    return sorted(samplers, key=before.__getitem__)


def find_sampling_bindings(paths: GraphPaths, notes: InferenceNotes, samplers: list[str]) -> None:
    """Bind the settings of the first sampler, and of later ones with the same value. All samplers get the seed."""
    first, *later = samplers
    for name, keys, wire in SAMPLER_SETTINGS:
        holder = _find_holder(paths, first, keys, wire)
        if holder is None:
            notes.note_missing(name, f"the sampler ({class_of(paths.graph, first)}) has no such input")
            continue
        notes.note_found(name, [holder], "set on the sampler")
        for other in (_find_holder(paths, sampler, keys, wire) for sampler in later):
            if other and (name == "seed" or _value(paths, other) == _value(paths, holder)):
                notes.note_found(name, [other], "set on the sampler")
    _find_model(paths, notes, first)
    for name in ("context_length", "context_overlap"):
        windows = [node for node in paths.walk_upstream(first) if paths.has_inputs(node, name)]
        notes.note_found(
            name, [paths.value_holder(node, name) for node in windows], "the window of frames of the motion model"
        )


def _is_sampler(paths: GraphPaths, node: str) -> bool:
    """Whether a node takes a latent, a model or guider, and noise or a seed."""
    specs = paths.specs(node)
    kinds = {spec.kind for spec in specs.values()}
    seeded = specs.keys() & {"seed", "noise_seed", "noise"}
    return bool(seeded) and "LATENT" in kinds and bool(kinds & {"MODEL", "GUIDER"})


def _find_holder(paths: GraphPaths, sampler: str, keys: tuple[str, ...], wire: str) -> tuple[str, str] | None:
    for node in (sampler, *_nodes_behind(paths, sampler, wire)):
        for key in keys:
            if holder := paths.value_holder(node, key):
                return holder
    return None


def _nodes_behind(paths: GraphPaths, sampler: str, wire: str) -> list[str]:
    link = paths.source_link(sampler, wire)
    return list(paths.walk_upstream(link.source, "SIGMAS", "GUIDER", "NOISE", "SAMPLER")) if link else []


def _value(paths: GraphPaths, holder: tuple[str, str]) -> object:
    return inputs_of(paths.graph, holder[0]).get(holder[1])


def _find_model(paths: GraphPaths, notes: InferenceNotes, sampler: str) -> None:
    loader = paths.find_nearest(sampler, lambda node: _loads_model(paths, node), "MODEL", "GUIDER")
    if loader is None:
        notes.note_missing("model", "no loader of a checkpoint or diffusion model leads to the sampler")
        return
    key = next(name for name in MODEL_INPUTS if paths.has_inputs(loader, name))
    notes.note_found("model", [paths.value_holder(loader, key)], "loads the sampler's model")


def _loads_model(paths: GraphPaths, node: str) -> bool:
    name = class_of(paths.graph, node)
    return not paths.links_of_type(node, "MODEL") and any(
        paths.has_inputs(node, key) and find_model_folder(name, key) != "animatediff_models" for key in MODEL_INPUTS
    )
