"""A fake Apple Music: one catalogue with search, pages and a check of the token."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

TEAM_ID, KEY_ID = "TEAM012345", "KEY0123456"
MAX_TOKEN_LIFE_S = 15_777_000
MAX_LIMIT = 25


class FakeAppleMusic:
    """`failures` are the statuses of the first answers, in order. `asked` records the paths of all requests."""

    def __init__(self, songs: list[Mapping[str, Any]]) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self.private_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        self.failures: list[int] = []
        self.asked: list[str] = []
        self._public_key = key.public_key()
        self._songs = songs
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = fake.answer(self.path, self.headers.get("Authorization", ""))
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> FakeAppleMusic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, authorization: str) -> tuple[int, Any]:
        self.asked.append(path)
        if self.failures:
            return _error(self.failures.pop(0), "as the test wants")
        wrong = self._wrong_token(authorization.removeprefix("Bearer "))
        if wrong:
            return _error(401, wrong)
        url = urlsplit(path)
        if url.path != "/v1/catalog/jp/search":
            return _error(404, f"no resource {url.path}")
        parameters = {name: values[0] for name, values in parse_qs(url.query).items()}
        limit, offset = int(parameters.get("limit", 5)), int(parameters.get("offset", 0))
        if parameters.get("types") != "songs" or limit > MAX_LIMIT:
            return _error(400, "a parameter is invalid")
        return 200, {"results": self._found(parameters["term"], limit, offset)}

    def _found(self, term: str, limit: int, offset: int) -> dict[str, Any]:
        matches = [song for song in self._songs if term.casefold() in json.dumps(song, ensure_ascii=False).casefold()]
        if not matches:
            return {}
        page: dict[str, Any] = {"data": matches[offset : offset + limit]}
        if offset + limit < len(matches):
            following = urlencode({"term": term, "types": "songs", "offset": offset + limit})
            page["next"] = f"/v1/catalog/jp/search?{following}"
        return {"songs": page}

    def _wrong_token(self, token: str) -> str | None:
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(
                token, self._public_key, algorithms=["ES256"], options={"require": ["iss", "iat", "exp"]}
            )
        except jwt.PyJWTError as wrong:
            return str(wrong)
        if header.get("kid") != KEY_ID or claims["iss"] != TEAM_ID:
            return "unknown key or team"
        return "it is valid for too long" if claims["exp"] > time.time() + MAX_TOKEN_LIFE_S else None


def build_song(number: int, name: str, artist: str, **more: Any) -> dict[str, Any]:
    attributes = {"name": name, "artistName": artist, "albumName": "THE BOOK", "durationInMillis": 261_013, **more}
    return {"id": str(number), "type": "songs", "attributes": attributes}


def _error(status: int, detail: str) -> tuple[int, Any]:
    return status, {
        "errors": [{"id": "X", "title": "Refused", "detail": detail, "status": str(status), "code": "40000"}]
    }
