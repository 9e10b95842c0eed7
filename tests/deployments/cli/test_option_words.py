"""A refusal of the API names the option or argument of the command, never the field."""

from __future__ import annotations

import re

import pytest

from tests.deployments.cli.conftest import Shell

REFUSED = {
    ("generate", "x", "--duration", "99"): "--duration",
    ("generate", "x", "--scene-type", "calm"): "--scene-type",
    ("generate", "x", "--scene", "calm"): "--scene-type",
    ("generate", "x", "--size", "1x1"): "--size",
    ("generate", "x", "--style", "none"): "--style",
    ("generate", "x", "--type", "odd"): "--type",
    ("generate", ""): "PROMPT",
    ("project", "create", ""): "NAME",
    ("project", "create", "P", "--fps", "0"): "--fps",
    ("project", "create", "P", "--quality", "odd"): "--quality",
    ("project", "edit", "{project}", "--name", ""): "--name",
    ("character", "create", ""): "NAME",
    ("character", "create", "A", "--image", "/nowhere/a.png"): "--image",
    ("character", "create", "A", "--seed=-1"): "--seed",
    ("character", "edit", "Kai", "--name", ""): "--name",
    ("scene", "create", "S", "--duration", "0"): "--duration",
    ("scene", "create", "S", "--number", "0"): "--number",
    ("scene", "create", "S", "--scene-type", "odd"): "--scene-type",
    ("scene", "create", "S", "--with", ""): "--with",
    ("scene", "create", "S", "--video", "/nowhere/a.mp4"): "--video",
    ("branch", "create", ""): "NAME",
    ("merge", "none", "--into", ""): "--into",
    ("render", "{scene}", "--quality", "odd"): "--quality",
    ("render", "{scene}", "--duration", "99"): "--duration",
}


@pytest.fixture
def story(shell: Shell) -> dict[str, str]:
    ids = {"project": shell.made("project", "create", "Village"), "scene": shell.made("scene", "create", "Kai waits")}
    shell.made("character", "create", "Kai")
    return ids


def test_every_refusal_names_the_option(shell: Shell, story: dict[str, str]) -> None:
    sentences = {}
    for words in REFUSED:
        outcome = shell.run(*(word.format(**story) for word in words))
        assert (outcome.code, outcome.err.count("tower: ")) == (2, 1), (words, outcome.err)
        sentences[words] = outcome.err.splitlines()[-1]
    named = {words: re.sub(r"^tower: Invalid (\S+): expected .*", r"\1", text) for words, text in sentences.items()}
    assert named == REFUSED, sentences
