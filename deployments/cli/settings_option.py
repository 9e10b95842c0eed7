"""The settings as a command reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tower.errors import InvalidError

if TYPE_CHECKING:
    from tower.settings import Settings


def settings() -> Settings:
    """InvalidError with one sentence if a variable of the environment cannot be read."""
    from pydantic import ValidationError  # here: `tower --help` is not to wait for it

    from tower.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        fault = error.errors()[0]
        field = str(fault["loc"][0])
        name = field if field.isupper() else f"TOWER_{field.upper()}"
        raise InvalidError(f"{name}={fault['input']} cannot be used: {fault['msg']}.") from error
