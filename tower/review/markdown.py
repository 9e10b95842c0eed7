"""Foreign text in Markdown, for the pages that Prefect shows."""

from __future__ import annotations

import re

from tower.errors.foreign import one_line

MAX_TEXT_LENGTH = 2000  # characters of one text in a page
_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|~&!:@]|(?<=www)\.|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)]")


def escape_markdown(text: object) -> str:
    """The text as one line that Markdown shows unchanged, also in a cell of a table."""
    return _MARKUP.sub(lambda found: f"\\{found[0]}", one_line(str(text), MAX_TEXT_LENGTH))
