"""The running stack as lines that a shell can evaluate."""

from __future__ import annotations

from deployments import state
from tower.errors import StackError
from tower.settings import Settings


def list_exports(settings: Settings) -> list[str]:
    """`export NAME='value'` for each address. StackError if no stack is ready on this data folder."""
    found = state.read(settings.data)
    if found is None or not found.supervisor.is_alive():
        raise StackError(f"No stack is running on the data folder {settings.data}: start it with `tower up`.")
    if not found.ready:
        raise StackError(f"The stack on {settings.data} is still starting: try again in a few seconds.")
    addresses = found.addresses
    values = {
        "TOWER_DATABASE_URL": addresses.database_url,
        "PREFECT_API_URL": addresses.prefect_api_url,
        "PREFECT_UI_URL": addresses.prefect_ui_url,
        **({"PREFECT_API_AUTH_STRING": auth} if (auth := addresses.prefect_auth_string) else {}),
        "TOWER_PRODUCTION_URL": addresses.production_url,
        "TOWER_EPISODES_URL": addresses.episodes_url,
        "TOWER_MUSIC_URL": addresses.music_url,
        "TOWER_DATA_DIR": str(addresses.data_dir),
        "TOWER_PORT_OFFSET": str(found.port_offset),
    }
    return [f"export {name}={_quote(value)}" for name, value in values.items()]


def _quote(value: str) -> str:
    return "'" + value.replace("'", "'\"'\"'") + "'"
