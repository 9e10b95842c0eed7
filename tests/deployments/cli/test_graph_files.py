"""The graph of a file is found, whatever its encoding, and in pictures and videos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from deployments.cli.graph_files import read_graph
from tower.errors import InvalidError

GRAPH: dict[str, Any] = {"1": {"class_type": "Text", "inputs": {"text": "雨の神社"}}}
TEXT = json.dumps(GRAPH, ensure_ascii=False)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_unicode_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "雨 の.json"
    file.write_bytes(TEXT.encode(encoding))
    assert read_graph(file) == GRAPH


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b'{"1": ', "line 1, column 7"),
        (TEXT.encode("cp932"), "it is no text in UTF-8 or UTF-16"),
        (b"\xff\xfe\x00", "it is no text in UTF-8 or UTF-16"),
        (b'{"a": NaN}', "NaN"),
        (b"[" * 100_000, "too many levels"),
        (b"[1, 2]", "contains no graph"),
        (b"\x89PNG\r\n\x1a\n damaged", "a damaged picture"),
        (b"\x00\x00\x00\x18ftypmp42 damaged", "a damaged video"),
    ],
)
def test_a_file_without_a_graph_is_refused_with_a_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(InvalidError) as caught:
        read_graph(file)
    assert reason in caught.value.message
    assert "codec" not in caught.value.message


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.json", tmp_path):
        with pytest.raises(InvalidError, match="cannot be read"):
            read_graph(path)


def test_a_png_holds_its_graph(tmp_path: Path) -> None:
    file, texts = tmp_path / "a.png", PngInfo()
    texts.add_text("workflow", json.dumps({"nodes": [], "links": []}))
    texts.add_text("prompt", json.dumps(GRAPH))
    Image.new("RGB", (4, 4)).save(file, pnginfo=texts)
    assert read_graph(file) == GRAPH
    Image.new("RGB", (4, 4)).save(file)
    with pytest.raises(InvalidError, match="holds no graph of ComfyUI"):
        read_graph(file)


def test_an_animated_webp_holds_its_graph(tmp_path: Path) -> None:
    file, picture = tmp_path / "a.webp", Image.new("RGB", (4, 4))
    exif = picture.getexif()
    exif[0x0110], exif[0x010F] = f"prompt:{json.dumps(GRAPH)}", 'workflow:{"nodes": [], "links": []}'
    picture.save(file, exif=exif)
    assert read_graph(file) == GRAPH


@pytest.mark.parametrize(
    ("tag", "text"), [("prompt", TEXT), ("comment", json.dumps({"prompt": TEXT, "workflow": "{}"}))]
)
def test_a_video_holds_its_graph(tmp_path: Path, tag: str, text: str) -> None:
    file = tmp_path / "a.mp4"
    with av.open(str(file), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata[tag] = text
        stream = container.add_stream("libx264", rate=8)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")))
        container.mux(stream.encode())
    assert read_graph(file) == json.loads(text)
