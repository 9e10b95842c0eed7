"""A media folder with a good file, a secret next to it, and many paths that try to reach the secret."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

INSIDE, SECRET = b"a picture", b"a secret"


@dataclass(frozen=True)
class HostileFolder:
    media: Path
    outside_folder: Path

    @property
    def good_file(self) -> Path:
        return self.media / "kai.png"

    @property
    def secret_file(self) -> Path:
        return self.outside_folder / "secret.png"


def build_hostile_folder(folder: Path) -> HostileFolder:
    """Build the folder. `folder` must be short, because it will contain a unix socket."""
    world = HostileFolder(folder / "data" / "media", folder / "outside")
    for directory in (world.media / "deep" / "er", world.outside_folder / "deep", folder / "data" / "media-of-others"):
        directory.mkdir(parents=True)
    world.good_file.write_bytes(INSIDE)
    (world.media / "deep" / "rin.png").write_bytes(INSIDE)
    for secret in (
        world.secret_file,
        world.outside_folder / "deep" / "rin.png",
        folder / "data" / "media-of-others" / "kai.png",
    ):
        secret.write_bytes(SECRET)
    _links(world)
    os.mkfifo(world.media / "pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(world.media / "socket.png"))
    return world


def _links(world: HostileFolder) -> None:
    links = {
        "to-file.png": world.secret_file,
        "to-folder": world.outside_folder,
        "to-nothing.png": world.outside_folder / "absent.png",
        "relative.png": Path("../../outside/secret.png"),
        "loop-a": Path("loop-b"),
        "loop-b": Path("loop-a"),
        "self": Path("self"),
        "to-link": world.media / "to-folder",
        "to-proc": Path("/proc/self"),
        "to-root": Path("/"),
        "to-null": Path("/dev/null"),
        "to-root-folder": world.media,
    }
    for name, target in links.items():
        (world.media / name).symlink_to(target)


TEMPLATES = {
    "absolute, outside": "{secret}",
    "absolute, outside, absent": "{outside}/absent.png",
    "a system file": "/etc/passwd",
    "dots": "{media}/../../outside/secret.png",
    "dots that come back": "{media}/../media/kai.png",
    "dots inside": "{media}/deep/../kai.png",
    "dots after a file": "{good}/../kai.png",
    "dots over a link": "{media}/to-folder/../../outside/secret.png",
    "many dots": "{media}/" + "../" * 60 + "etc/passwd",
    "a dot": "{media}/./kai.png",
    "two slashes": "{media}//kai.png",
    "two slashes at the beginning": "/{good}",
    "a slash at the end": "{good}/",
    "percent-encoded dots": "{media}/%2e%2e/%2e%2e/outside/secret.png",
    "wide dots": "{media}/．．/．．/outside/secret.png",
    "wide slashes": "{media}／kai.png",
    "a neighbour with the same beginning": "{media}-of-others/kai.png",
    "link to a file": "{media}/to-file.png",
    "relative link": "{media}/relative.png",
    "link to a folder": "{media}/to-folder/secret.png",
    "deeper behind a link": "{media}/to-folder/deep/rin.png",
    "link to a link": "{media}/to-link/secret.png",
    "link to nothing": "{media}/to-nothing.png",
    "link to the root of all": "{media}/to-root{secret}",
    "link to a device": "{media}/to-null",
    "link to /proc": "{media}/to-proc/environ",
    "links in a circle": "{media}/loop-a",
    "behind links in a circle": "{media}/loop-a/kai.png",
    "link to itself": "{media}/self",
    "the media folder": "{media}",
    "a folder": "{media}/deep",
    "link to the media folder": "{media}/to-root-folder",
    "pipe": "{media}/pipe.png",
    "socket": "{media}/socket.png",
    "device": "/dev/zero",
    "standard input": "/dev/stdin",
    "descriptor": "/dev/fd/0",
    "descriptor in /proc": "/proc/self/fd/0",
    "environment": "/proc/self/environ",
    "memory": "/proc/self/mem",
    "through /proc": "/proc/self/root{good}",
    "through a thread": "/proc/thread-self/root{good}",
    "in /sys": "/sys/power/state",
    "absent": "{media}/absent.png",
    "in an absent folder": "{media}/absent/kai.png",
    "below a file": "{good}/kai.png",
    "relative": "kai.png",
    "relative with dots": "../outside/secret.png",
    "relative to the working folder": "./{relative}",
    "home": "~/secret.png",
    "home of root": "~root/.ssh/id_rsa",
    "variable": "$HOME/secret.png",
    "empty": "",
    "space": " ",
    "space before": " {good}",
    "space after": "{good} ",
    "newline": "{good}\n",
    "newline and more": "{good}\nfile '{secret}'",
    "NUL": "{good}\0.png",
    "NUL before the ending": "{secret}\0{good}",
    "escape": "{media}/\x1b[2Jkai.png",
    "lone surrogate": "{media}/\ud800.png",
    "long name": "{media}/" + "x" * 300 + ".png",
    "long path": "{media}/" + "deep/" * 1000 + "kai.png",
    "very long path": "{media}/" + "x" * 1_000_000,
    "file URL": "file://{good}",
    "file URL, short": "file:{good}",
    "http URL": "http://127.0.0.1:5433/kai.png",
    "s3 URL": "s3://bucket/kai.png",
    "concat of ffmpeg": "concat:{good}|{secret}",
    "subfile of ffmpeg": "subfile,,start,0,end,9,,:{secret}",
    "data URL": "data:image/png;base64,AAAA",
    "Windows path": "C:\\media\\kai.png",
    "Windows path with slashes": "C:/media/kai.png",
    "Windows share": "\\\\server\\share\\kai.png",
    "backslashes": "{media}\\..\\..\\outside\\secret.png",
    "option": "-i",
    "shell": "{good}; cat {secret}",
    "pattern": "{media}/*.png",
}


def hostile_path(name: str, world: HostileFolder) -> str:
    """The hostile path with this name."""
    folders = {
        "media": world.media,
        "outside": world.outside_folder,
        "good": world.good_file,
        "secret": world.secret_file,
    }
    return TEMPLATES[name].format(**folders, relative=os.path.relpath(world.good_file))
