"""`tower upload` puts a file where other commands find it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from tests.deployments.cli.conftest import Shell


def test_an_uploaded_picture_becomes_a_reference_image(shell: Shell, tmp_path: Path) -> None:
    shell.made("project", "create", "Village")
    outside = tmp_path / "kai.png"
    Image.new("RGB", (64, 64), "teal").save(outside)
    refused = shell.run("character", "create", "Kai", "--image", str(outside))
    assert (refused.code, "/media" in refused.err) == (2, True)
    path = shell.made("upload", str(outside))
    kai = shell.made("character", "create", "Kai", "--image", path)
    assert shell.answer("character", "show", kai)["image_path"] == path
    absent = shell.run("upload", str(tmp_path / "none.png"))
    assert (absent.code, "No such file" in absent.err) == (2, True)
