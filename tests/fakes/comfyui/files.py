"""The input, output and temp folders of one fake: names of new files, uploads, and files that /view may read."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from urllib.parse import unquote

KINDS = ("output", "input", "temp")


class OutsideFolderError(Exception):
    """A prefix leads out of the output folder; the message is that of the real server."""


@dataclass(frozen=True)
class FileTarget:
    folder: Path
    name: str
    subfolder: str
    kind: str

    def next_number(self) -> int:
        """One more than the highest number that files with this name have."""
        numbered = re.compile(rf"{re.escape(self.name)}_(\d+)\D*\..+", re.IGNORECASE)
        matches = [numbered.fullmatch(path.name) for path in self.folder.iterdir()]
        return max((int(match[1]) for match in matches if match), default=0) + 1

    def describe(self, filename: str) -> dict[str, str]:
        return {"filename": filename, "subfolder": self.subfolder, "type": self.kind}


@dataclass(frozen=True)
class MultipartField:
    """One field of a multipart body."""

    filename: str | None
    content: bytes


class ServerFolders:
    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        for kind in KINDS:
            (self.root / kind).mkdir(parents=True, exist_ok=True)

    def find_folder(self, kind: str) -> Path | None:
        return self.root / kind if kind in KINDS else None

    def open_target(self, prefix: str, kind: str = "output", size: tuple[int, int] = (0, 0)) -> FileTarget:
        """The target of files with this filename_prefix; creates the folder.

        Raises OutsideFolderError.
        """
        base = self.root / kind
        path = (base / _filled(prefix, size)).resolve()
        if not path.parent.is_relative_to(base):
            raise OutsideFolderError(
                "**** ERROR: Saving image outside the output folder is not allowed.\n"
                f" full_output_folder: {path.parent}\n         output_dir: {base}\n"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        subfolder = path.parent.relative_to(base).as_posix()
        return FileTarget(path.parent, path.name, "" if subfolder == "." else subfolder, kind)

    def find_upload(self, name: str) -> Path | None:
        """An input file by its name, which may contain a subfolder and end in ` [input]` or the like."""
        plain, _, kind = name.partition(" [")
        base = self.find_folder(kind.rstrip("]") or "input")
        path = base / plain if base else None
        return path if path and path.is_file() and path.resolve().is_relative_to(self.root) else None

    def list_inputs(self) -> list[str]:
        return sorted(path.name for path in (self.root / "input").iterdir() if path.is_file())

    def store_upload(self, parts: dict[str, MultipartField]) -> tuple[int, dict[str, str]]:
        """Store an upload; return HTTP status and answer. An absolute file name makes the real server crash: 500."""
        image, kind = parts.get("image"), _text(parts, "type") or "input"
        base = self.find_folder(kind) or self.root / "input"
        if image is None or not image.filename:
            return 400, {}
        subfolder = _text(parts, "subfolder")
        path = (base / subfolder / image.filename).resolve()
        if image.filename.startswith("/"):
            return 500, {}
        if not path.is_relative_to(base):
            return 400, {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if _text(parts, "overwrite") not in ("true", "1"):
            path = _unused(path, image.content)
        path.write_bytes(image.content)
        return 200, {"name": path.name, "subfolder": subfolder, "type": base.name}

    def find_viewable(self, filename: str, subfolder: str | None, kind: str) -> tuple[int, Path | None]:
        """The HTTP status and, with 200, the file."""
        base = self.find_folder(kind)
        if not filename or filename.startswith("/") or ".." in filename or base is None:
            return 400, None
        folder = (base / (subfolder or "")).resolve()
        if not folder.is_relative_to(base):
            return 403, None
        path = folder / Path(filename).name
        return (200, path) if path.is_file() else (404, None)


def parse_multipart(body: bytes, content_type: str) -> dict[str, MultipartField]:
    """The fields of a multipart/form-data body; empty for other bodies."""
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_param("boundary")
    fields = {}
    for chunk in body.split(f"--{boundary}".encode())[1:-1] if boundary else ():
        head, _, content = chunk.partition(b"\r\n\r\n")
        field = Message()
        for line in head.decode().strip().splitlines():
            name, _, value = line.partition(":")
            field[name] = value.strip()
        filename = field.get_param("filename", header="Content-Disposition")
        unquoted_name = unquote(str(filename)) if filename is not None else None
        fields[str(field.get_param("name", header="Content-Disposition"))] = MultipartField(unquoted_name, content[:-2])
    return fields


def _text(parts: dict[str, MultipartField], name: str) -> str:
    return parts[name].content.decode() if name in parts else ""


def _unused(path: Path, content: bytes) -> Path:
    """The name itself, or `name (1).png` and so on, unless a file with the same content exists."""
    number, free = 0, path
    while free.exists() and free.read_bytes() != content:
        number += 1
        free = path.with_name(f"{path.stem} ({number}){path.suffix}")
    return free


def _filled(prefix: str, size: tuple[int, int]) -> str:
    now = time.localtime()
    known = {"width": str(size[0]), "height": str(size[1]), "year": str(now.tm_year)}
    known |= {"month": f"{now.tm_mon:02}", "day": f"{now.tm_mday:02}", "hour": f"{now.tm_hour:02}"}
    known |= {"minute": f"{now.tm_min:02}", "second": f"{now.tm_sec:02}"}
    return re.sub(r"%(\w+)%", lambda match: known.get(match[1], match[0]), prefix)
