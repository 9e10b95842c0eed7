"""Text of others (drivers, servers, libraries) in our own sentences: one line, bounded, without control characters."""

from __future__ import annotations

from sqlalchemy.exc import OperationalError

from tower.errors import TowerError

MAX_MESSAGE_LENGTH = 1000  # characters of a stored message


def one_line(text: str, limit: int = MAX_MESSAGE_LENGTH) -> str:
    """The text as one printable line of at most `limit` characters."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def reason_of(error: BaseException) -> str:
    """A reason for the user, without the driver's or the library's own text, which belongs into the log.

    The message of a TowerError is kept, and the system's name of an OSError ("No space left on device").
    """
    if isinstance(error, TowerError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        return one_line(error.strerror, 200)
    if isinstance(error, OperationalError):
        return "the database did not answer"
    return f"an unexpected {type(error).__name__}"
