"""Sizes and numbers of frames are the smallest that cover what is asked and that the server takes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tower.workflows.test_tracing import described, node
from tower.errors import InvalidError
from tower.workflows.graph import Binding
from tower.workflows.limits import cover_frames, cover_pixels
from tower.workflows.paths import GraphPaths


def paths_to(options: dict[str, Any], *, constant: bool = False) -> tuple[GraphPaths, Binding]:
    """A latent whose input has these options, and what is bound: the input, or a constant that is wired to it."""
    info = {
        "Latent": described("LATENT", {"value": ["INT", options]}),
        "Int": described("INT", {"value": ["INT", {"min": -(2**63), "max": 2**63 - 1}]}),
    }
    graph = {"1": node("Latent", value=["2", 0] if constant else 1), "2": node("Int", value=1)}
    return GraphPaths(graph, info), Binding("2" if constant else "1", "value")


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize(
    ("options", "asked", "sent"),
    [
        ({"min": 1, "max": 16384, "step": 4}, 24, 25),
        ({"min": 1, "max": 16384, "step": 4}, 25, 25),
        ({"min": 1, "step": 8}, 48, 49),
        ({"min": 9, "step": 8}, 4, 9),
        ({"min": 7, "max": 16384, "step": 6}, 24, 25),
        ({"min": 5, "step": 17}, 124, 124),
        ({"min": 5, "step": 17}, 125, 141),
        ({"min": 1, "max": 4096}, 24, 24),
        ({}, 24, 24),
        ({"min": None, "step": "4", "max": float("nan")}, 24, 24),
    ],
)
def test_frames_are_covered(options: dict[str, Any], asked: int, sent: int, constant: bool) -> None:
    assert cover_frames(*paths_to(options, constant=constant), asked) == sent


@pytest.mark.parametrize("constant", [False, True])
def test_more_frames_than_the_server_takes_are_refused(constant: bool) -> None:
    with pytest.raises(InvalidError, match="at most 81 frames"):
        cover_frames(*paths_to({"min": 1, "max": 81, "step": 4}, constant=constant), 82)


@pytest.mark.parametrize(("step", "asked", "sent"), [(8, 258, 264), (16, 258, 272), (32, 258, 288), (1, 258, 264)])
@pytest.mark.parametrize("constant", [False, True])
def test_sizes_are_covered_on_the_grid_of_the_server(step: int, asked: int, sent: int, constant: bool) -> None:
    assert cover_pixels(*paths_to({"min": 16, "step": step}, constant=constant), asked) == sent
