"""A file that refers to another file or address is not followed."""

import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality_corpus import moving_shapes
from benchmarks.quality_faults import encode
from tower.media.decode import MediaUnreadableError
from tower.media.probe import probe


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        yield server


def hls(address: str) -> str:
    return f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n{address}\n#EXT-X-ENDLIST\n"


def concat(address: str) -> str:
    return f"ffconcat version 1.0\nfile '{address}'\n"


@pytest.mark.parametrize("playlist", [hls, concat])
@pytest.mark.parametrize("name", ["clip.mp4", "clip.m3u8", "clip.ffconcat"])
def test_a_playlist_opens_no_connection(tmp_path: Path, listener: socket.socket, playlist: object, name: str) -> None:
    assert callable(playlist)
    port = listener.getsockname()[1]
    (tmp_path / name).write_text(playlist(f"http://127.0.0.1:{port}/secret.mp4"))
    with pytest.raises(MediaUnreadableError):
        probe(tmp_path / name)
    with pytest.raises(TimeoutError):
        listener.accept()


@pytest.mark.parametrize("playlist", [hls, concat])
def test_a_playlist_reads_no_other_file(tmp_path: Path, playlist: object) -> None:
    assert callable(playlist)
    secret = encode(tmp_path / "secret.mp4", moving_shapes(np.random.default_rng(1), 256, 4))
    (tmp_path / "list.mp4").write_text(playlist(str(secret)))
    with pytest.raises(MediaUnreadableError):
        probe(tmp_path / "list.mp4")
