"""Text of others (drivers, servers, libraries) in our own sentences: one line, bounded, without control characters."""

from __future__ import annotations

import re
import ssl

from tower.errors import TowerError

MAX_MESSAGE_LENGTH = 1000  # characters of a stored message
MAX_REASON_LENGTH = 300  # characters of another program's reason in one of our sentences
DISK_FULL_REASON = "the disk of the database is full"
SHORTAGES = {  # by SQLSTATE
    "53100": DISK_FULL_REASON,
    "53200": "the database is out of memory",
    "53300": "the database has no free connection",
}
DATABASE_REASONS = {  # by a part of the driver's text: it has no SQLSTATE before there is a connection
    "password authentication failed": "it refuses the user or the password",
    "no password supplied": "it asks for a password",
    "no pg_hba.conf entry": "its pg_hba.conf does not let this user in from this machine",
    "does not exist": "it has no such user or database",
    "resolve host": "no machine has this name",
    "refused": "nothing accepts the connection",
    "timeout": "it took too long",
    "starting up": "it is starting",
    "shutting down": "it is stopping",
}
MAX_REPORT_LENGTH = 20_000  # characters of a report in which a reason is looked for
_EXCEPTION = re.compile(r"[\w.]*(?:Error|Exception)\b\s*:|\[Errno \d+\]")
_REASON = re.compile(
    r"\b(?:errors?|fail(?:s|ed|ure)?|fatal|can(?:no|')t|could not|unable|invalid|mismatch(?:es)?|missing|not found|"
    r"denied|no space|no such|out of memory|exceed(?:s|ed)?|expected|unknown|unsupported|not supported|must|"
    r"too (?:large|small|many))\b",
    re.IGNORECASE,
)
_ADVICE = re.compile(
    r"asynchronously reported|^For debugging|^Compile with|^Traceback \(|^\s*File \"|TORCH_USE_CUDA_DSA"
)


def make_printable(text: str, *, keep: str = "") -> str:
    """The text with a space for each control, bidi or other invisible character, except those in `keep`."""
    return "".join(character if character.isprintable() or character in keep else " " for character in text)


def one_line(text: str, limit: int = MAX_MESSAGE_LENGTH) -> str:
    """The text as one printable line of at most `limit` characters."""
    line = " ".join(make_printable(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def reason_line(text: str, limit: int = MAX_REASON_LENGTH) -> str:
    """The line of a report that has the reason, at most `limit` characters; "" for a blank text.

    A report often begins with a heading ("An error occurred in the subprocess:"), and a traceback ends with the reason.
    """
    lines = [line for line in (one_line(line, MAX_REPORT_LENGTH) for line in _ends(text).splitlines()) if line]
    if not lines:
        return ""
    line = max(lines, key=_rank_reason)  # the first of equal ones
    if line != lines[0] and lines[0].endswith(":") and not _ADVICE.search(lines[0]):
        heading = _without_middle(lines[0], limit // 3)
        return f"{heading} {_without_middle(line, limit - len(heading) - 1)}"
    return _without_middle(line, limit)


def reason_of(error: BaseException) -> str:
    """A reason for the user, without the driver's or the library's own text, which belongs into the log.

    The message of a TowerError is kept, and the system's name of an OSError ("No space left on device").
    """
    if isinstance(error, TowerError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        return one_line(error.strerror, 200)
    library = type(error).__module__.partition(".")[0]  # not imported: the supervisor needs none of them
    is_operational = any(base.__name__ == "OperationalError" for base in type(error).__mro__)
    if library in ("psycopg", "sqlalchemy") and is_operational:
        return shortage_of(error) or _describe_database(str(getattr(error, "orig", error)))
    if library == "httpx":
        return _describe_silence(error)
    return f"an unexpected {type(error).__name__}"


def shortage_of(error: BaseException) -> str | None:
    """What the database lacks, by its SQLSTATE of class 53; None for any other error."""
    state = str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")
    return SHORTAGES.get(state, "the database lacks resources") if state.startswith("53") else None


def _describe_database(text: str) -> str:
    known = (reason for part, reason in DATABASE_REASONS.items() if part in text)
    return next(known, "the database did not answer")


def _describe_silence(error: BaseException) -> str:
    """Why a server gave no answer: what the system says of the connection, or that there was none in time."""
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, OSError) and cause.strerror):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLError):
        return "its certificate is not accepted here"
    if isinstance(cause, OSError) and cause.strerror:
        return one_line(cause.strerror, 200)
    return "it took too long" if "Timeout" in type(error).__name__ else "the connection broke"


def _ends(text: str) -> str:
    """The beginning and the end of a text, of which the middle may be long."""
    half = MAX_REPORT_LENGTH // 2
    return text if len(text) <= MAX_REPORT_LENGTH else f"{text[:half]}\n{text[-half:]}"


def _rank_reason(line: str) -> int:
    if _ADVICE.search(line):
        return 0
    rank = 3 if _EXCEPTION.search(line) else 2 if _REASON.search(line) else 1
    return rank - 2 * line.endswith(":")


def _without_middle(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    end = limit // 3
    return f"{text[: limit - end - 3].rstrip()} … {text[-end:].lstrip()}"
