"""Reads the graph of a file: JSON in any Unicode encoding, or a picture or video that ComfyUI saved with its graph."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tower.errors import InvalidError

MAX_FILE_BYTES = 256 * 2**20
PICTURES = (b"\x89PNG\r\n\x1a\n", b"RIFF", b"\xff\xd8\xff")
VIDEO_MARKS = (b"ftyp", b"\x1aE\xdf\xa3")  # MP4 and MOV; MKV and WebM
EXPORT = "export the graph with Workflow → Export (API)"


def read_graph(file: Path) -> dict[str, Any]:
    """The graph of the file, or what it is wrapped in. Raises InvalidError, which says what the file is instead."""
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise InvalidError(f"{file} is too large to be a graph: {EXPORT}")
        content = file.read_bytes()
    except OSError as error:
        raise InvalidError(f"{file} cannot be read: {error.strerror}") from error
    if content.startswith(PICTURES) or any(mark in content[:12] for mark in VIDEO_MARKS):
        return _graph_of_media(file, is_picture=content.startswith(PICTURES))
    graph = _parse(file, content)
    if not isinstance(graph, dict):
        raise InvalidError(f"{file} contains no graph: {EXPORT}")
    return graph


def _parse(file: Path, content: bytes) -> Any:
    try:
        return json.loads(content.decode(json.detect_encoding(content)), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        message = f"{file} cannot be read as JSON: it is no text in UTF-8 or UTF-16; save it as UTF-8, or {EXPORT}"
        raise InvalidError(message) from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}" if content.strip() else "the file is empty"
        raise InvalidError(f"{file} cannot be read as JSON: {where}; {EXPORT}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"{file} cannot be read as JSON: it has NaN, Infinity or too many levels") from error


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _graph_of_media(file: Path, *, is_picture: bool) -> dict[str, Any]:
    """The graph that ComfyUI wrote into a picture or video."""
    for text in _texts_of_picture(file) if is_picture else _texts_of_video(file):
        start = text.find("{")
        try:
            found = json.loads(text[start:]) if start >= 0 else None
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    raise InvalidError(f"{file} holds no graph of ComfyUI (it may have been taken out when it was shared): {EXPORT}")


def _texts_of_picture(file: Path) -> Iterator[str]:
    """The texts in a picture that may hold the graph: a chunk of a PNG, or the EXIF data of a WebP or JPEG."""
    from PIL import Image, UnidentifiedImageError  # imported late: most commands read no pictures

    try:
        with Image.open(file) as picture:
            chunks = {**picture.info, **getattr(picture, "text", {})}
            exif = [str(value) for value in picture.getexif().values()]
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidError(f"{file} is a damaged picture: {EXPORT}") from error
    yield from (str(chunks[name]) for name in ("prompt", "workflow") if name in chunks)
    yield from sorted(exif, key=lambda text: not text.lower().startswith("prompt"))


def _texts_of_video(file: Path) -> Iterator[str]:
    """The texts in a video that may hold the graph: SaveVideo writes `prompt`, VHS_VideoCombine a `comment`."""
    from tower.media.decode import MediaUnreadableError, open_container

    try:
        with open_container(file) as container:
            tags = {name.lower(): text for name, text in container.metadata.items()}
    except MediaUnreadableError as error:
        raise InvalidError(f"{file} is a damaged video: {EXPORT}") from error
    yield from (tags[name] for name in ("prompt", "comment", "workflow") if name in tags)
