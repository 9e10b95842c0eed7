"""A process that analyses files: it receives open files over a socket, one at a time, and answers with the analysis.

`tower.beats.pool` starts it. It ends when the other side closes the socket.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
from typing import Any

from tower.beats.analysis import analyse
from tower.beats.results import TempoHint
from tower.beats.structure.results import StructureUnavailableError
from tower.beats.wire import LENGTH_BYTES, receive_bytes, send_message
from tower.errors import TowerError
from tower.media.decode import MediaUnreadableError

MAX_MEMORY_BYTES = 6 << 30  # of address space; a file that needs more is not music


def serve(connection: socket.socket) -> None:
    """Answer requests until the other side closes the connection."""
    while True:
        head, descriptors, _, _ = socket.recv_fds(connection, LENGTH_BYTES, 1)
        if not head:
            return
        asked = json.loads(receive_bytes(connection, int.from_bytes(head)))
        with os.fdopen(descriptors[0], "rb") as file:
            send_message(connection, _answer(file, asked))


def _answer(file: Any, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        file.seek(0)
        if "beats" in asked:
            return {"structure": _structure(file, asked)}
        return {"analysis": analyse(file, TempoHint(**asked["hint"]), name=asked["name"]).as_json()}
    except TowerError as refused:
        return {"error": refused.message, "code": refused.code}
    except MemoryError:
        greedy = f"{asked['name']} wants more memory than an analysis may have"
        return {"error": greedy, "code": MediaUnreadableError.code}


def _structure(file: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """librosa is imported here and not before: it takes seconds and 150 MB, which beats do not need."""
    try:
        from tower.beats.structure.analysis import find_structure
    except (ImportError, OSError, RuntimeError) as broken:  # numba refuses some numpys with the last
        raise StructureUnavailableError(f"librosa cannot be imported: {broken}") from broken
    return find_structure(file, **asked["beats"], name=asked["name"]).as_json()


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
