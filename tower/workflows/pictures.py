"""Size, number of frames, VAE and reference picture: what the latents are made of, and what is cut from the frames."""

from __future__ import annotations

from tower.workflows.inference_notes import Notes
from tower.workflows.nodes import inputs_of
from tower.workflows.paths import Paths

COUNTS = ("batch_size", "amount", "multiply_by", "length")  # inputs that say how many pictures
CUTS = ("LATENT", "IMAGE", "VIDEO")  # what pictures flow through


def find_pictures(paths: Paths, notes: Notes, samplers: list[str], saved: list[str]) -> None:
    made = [node for first in samplers[:1] for node in paths.upstream(first, "LATENT", "IMAGE")]
    finished = _finishing(paths, saved, set(samplers))
    sized = [node for node in made + finished if paths.has(node, "width", "height")]
    _find_size(paths, notes, sized, finished)
    _find_frames(paths, notes, made + finished)
    _find_vae(paths, notes, made + finished)
    for first in samplers[:1]:
        _find_reference(paths, notes, first)


def _finishing(paths: Paths, saved: list[str], samplers: set[str]) -> list[str]:
    """The nodes between the sampler and what is saved."""
    after: list[str] = []
    for output in saved:
        waiting = [output]
        while waiting:
            node = waiting.pop(0)
            if node not in after and node not in samplers:
                after.append(node)
                waiting += [link.source for link in paths.feeds(node, *CUTS)]
    return after


def _find_size(paths: Paths, notes: Notes, sized: list[str], finished: list[str]) -> None:
    """Every size equal to the one that is saved; a size on the way that differs is the graph's own business."""
    if not sized:
        notes.lacks("width", "no node on the way says how large the pictures are")
        notes.lacks("height", "no node on the way says how large the pictures are")
        return
    last = next((node for node in sized if node in finished), sized[-1])
    for name in ("width", "height"):
        saved_size = _value(paths, last, name)
        same = [node for node in sized if _value(paths, node, name) == saved_size]
        why = "the size of what is saved" if last in finished else "the size of the latents"
        notes.take(name, [paths.holder(node, name) for node in same], why)


def _value(paths: Paths, node: str, name: str) -> object:
    holder = paths.holder(node, name)
    return inputs_of(paths.graph, holder[0]).get(holder[1]) if holder else None


def _find_frames(paths: Paths, notes: Notes, nodes: list[str]) -> None:
    """The largest count there is: a single latent may be repeated, before the sampler or after it."""
    counted = [
        holder for node in nodes for name in COUNTS if paths.has(node, name) and (holder := paths.holder(node, name))
    ]
    counts = {holder: inputs_of(paths.graph, holder[0]).get(holder[1]) for holder in counted}
    numbers = {holder: count for holder, count in counts.items() if isinstance(count, int)}
    if not numbers:
        notes.lacks("frames", "no node says how many pictures there are")
        return
    notes.take("frames", [max(numbers, key=numbers.__getitem__)], "how many pictures there are")


def _find_vae(paths: Paths, notes: Notes, nodes: list[str]) -> None:
    sources = [link.source for node in nodes for link in paths.feeds(node, "VAE")]
    loaders = [node for node in dict.fromkeys(sources) if paths.has(node, "vae_name")]
    notes.take("vae", [paths.holder(node, "vae_name") for node in loaders], "decodes the latents")
    if not loaders:
        notes.lacks("vae", "the checkpoint's own VAE decodes" if sources else "nothing decodes with a VAE")


def _find_reference(paths: Paths, notes: Notes, sampler: str) -> None:
    """The nearest uploaded picture that the sampler depends on, through latents, the model or the conditioning."""
    loaders = [
        (node, spec.name)
        for node in paths.upstream(sampler)
        for spec in paths.specs(node).values()
        if spec.options.get("image_upload")
    ]
    notes.take("reference", [paths.holder(*loader) for loader in loaders[:1]], "an uploaded picture that steers")
    if not loaders:
        notes.lacks("reference", "no uploaded picture reaches the sampler")
