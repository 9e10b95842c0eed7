"""Structured logs: JSON lines, or text on a terminal. Every record carries the bound context."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy

from pythonjsonlogger.json import JsonFormatter

from tower.errors.foreign import make_printable
from tower.settings import Settings

LOGGER_NAMES = ("tower", "api", "uvicorn.error")  # Tower's loggers and the server's
_context: ContextVar[dict[str, object] | None] = ContextVar("log_context", default=None)


def configure_logging(settings: Settings) -> None:
    """Send these loggers to stderr in the configured format. It is safe to call this twice."""
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler()
    handler.setFormatter(_TextFormatter() if as_text else _json_formatter())
    handler.addFilter(_add_context)
    for name in LOGGER_NAMES:
        logger = logging.getLogger(name)
        logger.handlers = [other for other in logger.handlers if not isinstance(other.formatter, _FORMATTERS)] + [
            handler
        ]
        logger.setLevel(settings.log_level)
        logger.propagate = False


@contextmanager
def bind_context(**context: object) -> Iterator[None]:
    """Add `context` (job_id, flow_run_id, request_id, …) to every record that is logged inside the block."""
    token = _context.set({**(_context.get() or {}), **context})
    try:
        yield
    finally:
        _context.reset(token)


def _add_context(record: logging.LogRecord) -> bool:
    for name, value in (_context.get() or {}).items():
        if not hasattr(record, name):
            setattr(record, name, value)
    return True


def _json_formatter() -> JsonFormatter:
    return JsonFormatter(
        "%(levelname)s %(name)s %(message)s",
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp=True,
        json_default=str,
    )


class PrintableFormatter(logging.Formatter):
    """Text for terminals and files: one line per record, before its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        own = copy(record)
        own.msg, own.args = make_printable(record.getMessage()), None
        return make_printable(super().format(own), keep="\n")


class _TextFormatter(PrintableFormatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s  %(message)s", datefmt="%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        context = " ".join(f"{name}={value}" for name, value in (_context.get() or {}).items())
        return f"{super().format(record)}  {make_printable(context)}".rstrip()


_FORMATTERS = (JsonFormatter, _TextFormatter)
