"""The requests that the two seed documents show. The documents are not in the repository.

After a change of the documents: python -m tests.api.production.seed_curls
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

DOCUMENTS = ("complete-api.md", "working-endpoints.md")
SEEDS = Path(__file__).parents[4] / "shared" / "seeds"  # next to the checkout, if it exists
CURLS_FILE = Path(__file__).with_name("seed_curls.json")
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Curl:
    """`body` is as in the document, including placeholders like {...}, without line breaks."""

    document: str
    method: str
    url: str
    body: str | None

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 80

    @property
    def request_line(self) -> str:
        """`GET /api/anime/scenes?project_id=1`"""
        parts = urlsplit(self.url)
        return f"{self.method} {parts.path}" + (f"?{parts.query}" if parts.query else "")


def load_curls() -> list[Curl]:
    return [Curl(**fields) for fields in json.loads(CURLS_FILE.read_text())]


def extract_curls(document: str, text: str) -> list[Curl]:
    """The requests in the order of the document."""
    blocks = (block.replace("\\\n", " ") for block in BLOCK.findall(text))
    return [_read(document, line) for block in blocks for line in _commands(block)]


def _commands(block: str) -> list[str]:
    """A command ends at the end of its line, unless a quotation is open."""
    commands: list[str] = []
    for line in block.splitlines():
        if commands and commands[-1].count("'") % 2:
            commands[-1] += f" {line.strip()}"
        elif line.startswith("curl "):
            commands.append(line)
    return commands


def _read(document: str, command: str) -> Curl:
    words = shlex.split(command)[1:]
    options = {"-X": "GET", "-d": None, "-H": ""}
    url = ""
    while words:
        word = words.pop(0)
        if word in options:
            options[word] = words.pop(0)
        else:
            url = word
    return Curl(document, str(options["-X"]), url, options["-d"])


if __name__ == "__main__":
    curls = [asdict(curl) for name in DOCUMENTS for curl in extract_curls(name, (SEEDS / name).read_text())]
    CURLS_FILE.write_text(json.dumps(curls, indent=1, ensure_ascii=False) + "\n")
