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
        if not fault["loc"]:  # a rule about several settings, of which the input has all values
            raise InvalidError(f"The settings cannot be used: {fault['msg']}.") from error
        field = str(fault["loc"][0])
        name = field if field.isupper() else f"TOWER_{field.upper()}"
        declared = Settings.model_fields.get(field)
        given = "" if declared is not None and not declared.repr else f"={fault['input']}"
        raise InvalidError(f"{name}{given} cannot be used: {fault['msg']}.") from error
