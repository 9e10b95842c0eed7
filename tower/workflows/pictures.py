"""Finds the bindings of size, number of frames, VAE and reference picture."""

from __future__ import annotations

from tower.workflows.frame_counts import find_frames
from tower.workflows.inference_notes import InferenceNotes
from tower.workflows.kinds import carries_pictures
from tower.workflows.nodes import inputs_of
from tower.workflows.paths import GraphPaths
from tower.workflows.tracing import Trail

SIZE_INPUTS = {"width": ("width", "empty_latent_width"), "height": ("height", "empty_latent_height")}

VAE_INPUTS = ("vae_name", "model_name")


def find_picture_bindings(paths: GraphPaths, notes: InferenceNotes, samplers: list[str], saved: list[str]) -> None:
    producing = [node for first in samplers[:1] for node in paths.walk_where(first, carries_pictures)]
    finished = _nodes_after(paths, saved, set(samplers))
    nodes = list(dict.fromkeys(producing + finished))
    _find_size(paths, notes, nodes, finished)
    find_frames(paths, notes, nodes, finished)
    _find_vae(paths, notes, producing + finished)
    for first in samplers[:1]:
        _find_reference(paths, notes, first)


def _nodes_after(paths: GraphPaths, saved: list[str], samplers: set[str]) -> list[str]:
    """The nodes between the samplers and the outputs."""
    after: list[str] = []
    for output in saved:
        waiting = [output]
        while waiting:
            node = waiting.pop(0)
            if node not in after and node not in samplers:
                after.append(node)
                links = paths.links(node).values()
                waiting += [link.source for link in links if carries_pictures(paths.link_type(link))]
    return after


def _find_size(paths: GraphPaths, notes: InferenceNotes, nodes: list[str], finished: list[str]) -> None:
    """Bind every size equal to that of the output. A different size in between belongs to the graph."""
    sized = [node for node in nodes if all(_size_input(paths, node, side) for side in SIZE_INPUTS)]
    if not sized:
        for side in SIZE_INPUTS:
            notes.note_missing(side, "no node sets the size of the pictures")
        return
    last = next((node for node in sized if node in finished), sized[-1])
    why = "the size of the output" if last in finished else "the size of the latents"
    for side in SIZE_INPUTS:
        trails = {node: paths.trail(node, _size_input(paths, node, side)) for node in sized}
        saved_size = _value(paths, trails[last])
        notes.note_missing(side, trails[last].end)
        notes.note_found(side, [found.holder for found in trails.values() if _value(paths, found) == saved_size], why)


def _size_input(paths: GraphPaths, node: str, side: str) -> str:
    return next((name for name in SIZE_INPUTS[side] if name in inputs_of(paths.graph, node)), "")


def _value(paths: GraphPaths, trail: Trail) -> object:
    return inputs_of(paths.graph, trail.holder[0]).get(trail.holder[1]) if trail.holder else None


def _find_vae(paths: GraphPaths, notes: InferenceNotes, nodes: list[str]) -> None:
    links = [link for node in nodes for link in paths.links(node).values()]
    sources = [link.source for link in links if paths.link_type(link).endswith("VAE")]
    loaders = [
        (node, name) for node in dict.fromkeys(sources) for name in VAE_INPUTS if name in inputs_of(paths.graph, node)
    ]
    notes.note_found("vae", [paths.value_holder(*loader) for loader in loaders], "decodes the latents")
    if not loaders:
        notes.note_missing("vae", "the checkpoint's own VAE decodes" if sources else "nothing decodes with a VAE")


def _find_reference(paths: GraphPaths, notes: InferenceNotes, sampler: str) -> None:
    """Bind the nearest uploaded picture that the sampler depends on: by latents, model or conditioning."""
    loaders = [
        (node, spec.name)
        for node in paths.walk_upstream(sampler)
        for spec in paths.specs(node).values()
        if spec.options.get("image_upload")
    ]
    notes.note_found(
        "reference",
        [paths.value_holder(*loader) for loader in loaders[:1]],
        "an uploaded picture that the sampler depends on",
    )
    if not loaders:
        notes.note_missing("reference", "no uploaded picture reaches the sampler")
