"""Finds the bindings of size, number of frames, VAE and reference picture."""

from __future__ import annotations

from tower.workflows.inference_notes import InferenceNotes
from tower.workflows.nodes import inputs_of
from tower.workflows.paths import GraphPaths

COUNT_INPUTS = ("batch_size", "amount", "multiply_by", "length")  # inputs with the number of pictures
PICTURE_TYPES = ("LATENT", "IMAGE", "VIDEO")  # types of links that carry pictures


def find_picture_bindings(paths: GraphPaths, notes: InferenceNotes, samplers: list[str], saved: list[str]) -> None:
    producing = [node for first in samplers[:1] for node in paths.walk_upstream(first, "LATENT", "IMAGE")]
    finished = _nodes_after(paths, saved, set(samplers))
    with_size = [node for node in producing + finished if paths.has_inputs(node, "width", "height")]
    _find_size(paths, notes, with_size, finished)
    _find_frames(paths, notes, producing + finished)
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
                waiting += [link.source for link in paths.links_of_type(node, *PICTURE_TYPES)]
    return after


def _find_size(paths: GraphPaths, notes: InferenceNotes, with_size: list[str], finished: list[str]) -> None:
    """Bind every size equal to that of the output. A different size in between belongs to the graph."""
    if not with_size:
        notes.note_missing("width", "no node sets the size of the pictures")
        notes.note_missing("height", "no node sets the size of the pictures")
        return
    last = next((node for node in with_size if node in finished), with_size[-1])
    for name in ("width", "height"):
        saved_size = _value(paths, last, name)
        same = [node for node in with_size if _value(paths, node, name) == saved_size]
        why = "the size of the output" if last in finished else "the size of the latents"
        notes.note_found(name, [paths.value_holder(node, name) for node in same], why)


def _value(paths: GraphPaths, node: str, name: str) -> object:
    holder = paths.value_holder(node, name)
    return inputs_of(paths.graph, holder[0]).get(holder[1]) if holder else None


def _find_frames(paths: GraphPaths, notes: InferenceNotes, nodes: list[str]) -> None:
    """Bind the largest count: a single latent may be repeated before or after the sampler."""
    holders = [
        holder
        for node in nodes
        for name in COUNT_INPUTS
        if paths.has_inputs(node, name) and (holder := paths.value_holder(node, name))
    ]
    counts = {holder: inputs_of(paths.graph, holder[0]).get(holder[1]) for holder in holders}
    numbers = {holder: count for holder, count in counts.items() if isinstance(count, int)}
    if not numbers:
        notes.note_missing("frames", "no node sets the number of pictures")
        return
    notes.note_found("frames", [max(numbers, key=numbers.__getitem__)], "the number of pictures")


def _find_vae(paths: GraphPaths, notes: InferenceNotes, nodes: list[str]) -> None:
    sources = [link.source for node in nodes for link in paths.links_of_type(node, "VAE")]
    loaders = [node for node in dict.fromkeys(sources) if paths.has_inputs(node, "vae_name")]
    notes.note_found("vae", [paths.value_holder(node, "vae_name") for node in loaders], "decodes the latents")
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
