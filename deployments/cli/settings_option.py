"""Loads the settings for a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tower.errors import InvalidError

if TYPE_CHECKING:
    from tower.settings import Settings


def load_settings() -> Settings:
    """Load the settings. Raises InvalidError if an environment variable is invalid."""
    from pydantic import ValidationError  # imported here to keep `tower --help` fast

    from tower.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        fault = error.errors()[0]
        field = str(fault["loc"][0])
        name = field if field.isupper() else f"TOWER_{field.upper()}"
        raise InvalidError(f"{name}={fault['input']} cannot be used: {fault['msg']}.") from error
