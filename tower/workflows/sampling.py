"""Finds the samplers of a graph, and the bindings of seed, steps, guidance, method and model."""

from __future__ import annotations

from tower.workflows.inference_notes import InferenceNotes
from tower.workflows.kinds import carries_model, carries_pictures
from tower.workflows.nodes import WIDGETS, inputs_of
from tower.workflows.paths import GraphPaths
from tower.workflows.tracing import Trail
from tower.workflows.values import find_model_folder

MODEL_INPUTS = ("ckpt_name", "unet_name", "model_name", "gguf_name", "model")
SEED_INPUTS = ("seed", "noise_seed")
STEP_INPUTS = ("steps", "num_inference_steps", "num_steps")
# The name, the inputs that hold it, and the linked input to follow if the sampler itself has none of them.
SAMPLER_SETTINGS = (
    ("seed", SEED_INPUTS, "noise"),
    ("steps", STEP_INPUTS, "sigmas"),
    ("cfg", ("cfg", "cfg_conds", "cfg_scale", "guidance_scale"), "guider"),
    ("sampler", ("sampler_name",), "sampler"),
    ("scheduler", ("scheduler",), "sigmas"),
)
# Choices that the lists of ComfyUI's own samplers have. A list without them takes other names than Tower's settings.
KNOWN_CHOICES = {"sampler": {"euler", "dpmpp_2m"}, "scheduler": {"normal", "karras", "simple"}}


def find_samplers(paths: GraphPaths, saved: list[str]) -> list[str]:
    """The samplers that lead to an output, in order of execution and then of the graph."""
    reached = {node for output in saved for node in paths.walk_upstream(output)}
    samplers = [node for node in paths.graph if node in reached and _is_sampler(paths, node)]
    before = {node: sum(other in samplers for other in paths.walk_upstream(node)) for node in samplers}
    return sorted(samplers, key=before.__getitem__)


def find_sampling_bindings(paths: GraphPaths, notes: InferenceNotes, samplers: list[str]) -> None:
    """Bind the settings of the first sampler, and of later ones with the same value; the seed of all that add noise."""
    for name, keys, wire in SAMPLER_SETTINGS:
        seeded = [node for node in samplers if _adds_noise(paths, node)] or samplers
        first, *later = seeded if name == "seed" else samplers
        trail = _find_setting(paths, first, name, keys, wire)
        if trail.holder is None:
            notes.note_missing(name, trail.end)
            continue
        notes.note_found(name, [trail.holder], "set on the sampler")
        for other in (_find_setting(paths, sampler, name, keys, wire).holder for sampler in later):
            if other and (name == "seed" or _value(paths, other) == _value(paths, trail.holder)):
                notes.note_found(name, [other], "set on the sampler")
    _find_model(paths, notes, samplers[0])
    for name in ("context_length", "context_overlap"):
        windows = [node for node in paths.walk_upstream(samplers[0]) if paths.has_inputs(node, name)]
        notes.note_found(
            name, [paths.value_holder(node, name) for node in windows], "the window of frames of the motion model"
        )


def _is_sampler(paths: GraphPaths, node: str) -> bool:
    """Whether a node makes pictures in steps from noise, whatever the types of its links are called."""
    specs = paths.specs(node)
    is_seeded = bool(specs.keys() & {*SEED_INPUTS, "noise"})
    is_stepped = bool(specs.keys() & {*STEP_INPUTS, "sigmas"})
    is_fed = any(spec.kind not in WIDGETS and spec.name in inputs_of(paths.graph, node) for spec in specs.values())
    return is_seeded and is_stepped and is_fed and any(carries_pictures(kind) for kind in paths.outputs(node))


def _adds_noise(paths: GraphPaths, node: str) -> bool:
    """Whether the seed matters: the second half of a split sampling goes on with the noise of the first."""
    return inputs_of(paths.graph, node).get("add_noise") not in ("disable", False)


def _find_setting(paths: GraphPaths, sampler: str, name: str, keys: tuple[str, ...], wire: str) -> Trail:
    """The holder of a setting on the sampler or on the nodes that are wired to it for this purpose."""
    end = f"{paths.name_of(sampler)} has no input for it"
    for node in (sampler, *_nodes_behind(paths, sampler, wire)):
        for key in keys:
            if key not in inputs_of(paths.graph, node):
                continue
            choices = paths.specs(node)[key].choices if key in paths.specs(node) else None
            if choices and name in KNOWN_CHOICES and not KNOWN_CHOICES[name].intersection(map(str, choices)):
                end = f"{key} of {paths.name_of(node)} has choices of its own: {', '.join(map(str, choices[:4]))}"
                continue
            if (spec := paths.specs(node).get(key)) and spec.kind not in WIDGETS:
                continue
            return paths.trail(node, key)
    return Trail(None, end)


def _nodes_behind(paths: GraphPaths, sampler: str, wire: str) -> list[str]:
    link = paths.source_link(sampler, wire)
    return list(paths.walk_upstream(link.source, "SIGMAS", "GUIDER", "NOISE", "SAMPLER", "*")) if link else []


def _value(paths: GraphPaths, holder: tuple[str, str]) -> object:
    return inputs_of(paths.graph, holder[0]).get(holder[1])


def _find_model(paths: GraphPaths, notes: InferenceNotes, sampler: str) -> None:
    walk = paths.walk_where(sampler, carries_model)
    found = next(((node, key) for node in walk if (key := _model_input(paths, node))), None)
    if found is None:
        notes.note_missing("model", f"no loader of a checkpoint or diffusion model leads to {paths.name_of(sampler)}")
        return
    trail = paths.trail(*found)
    notes.note_found("model", [trail.holder], "loads the sampler's model")
    notes.note_missing("model", trail.end)


def _model_input(paths: GraphPaths, node: str) -> str | None:
    """The input that names the file of a diffusion model; None if the node loads none."""
    if any(carries_model(paths.link_type(link)) for link in paths.links(node).values()):
        return None
    named = [key for key in MODEL_INPUTS if paths.has_inputs(node, key)]
    files = [key for key in named if find_model_folder(paths.class_of(node), key) != "animatediff_models"]
    specs = paths.specs(node)
    return next((key for key in files if key != "model" or (key in specs and specs[key].kind == "COMBO")), None)
