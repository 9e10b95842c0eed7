"""Runs the checks of `tower doctor`, with or without a running stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from deployments import external, prefect_secret, state
from deployments.checks import Check, background, database, machine, outside, prefect, rendering
from deployments.worker_plans import POOLS
from tower.addresses import used_form
from tower.clients.prefect import PrefectClient
from tower.settings import Settings


def run_checks(settings: Settings) -> Iterator[Check]:
    """Yield the result of each check, from the machine up to the external servers."""
    settings = external.without_stale_addresses(settings)
    found = state.read(settings.data)
    stack = found if found and found.supervisor.is_alive() else None
    yield machine.check_python()
    yield machine.check_disk(settings)
    yield machine.check_data_folder(settings)
    yield _stack(stack)
    if stack is None:
        yield machine.check_free_ports(settings)
    addresses = stack.addresses if stack else None
    database_url = used_form(settings.database_url or "") or (addresses.database_url if addresses else None)
    api_url = used_form(settings.prefect_api_url or "") or (addresses.prefect_api_url if addresses else None)
    yield from _database(database_url)
    secret = prefect_secret.find(settings)
    yield from _prefect(api_url, database_url, secret)
    if stack is not None:
        yield background.check_prefect_services(settings.data / "logs" / "prefect.log")
    yield from rendering.check_engines(settings)
    yield _readiness(settings, database_url, api_url, secret)
    yield rendering.check_codec()
    yield from outside.check_external_servers(settings)


def _stack(stack: state.StackState | None) -> Check:
    if stack is None:
        return Check("stack", "warn", "not running", "Start it with `tower up`.")
    if not stack.ready:
        return Check("stack", "warn", f"starting (process {stack.supervisor.pid})", "Try again in a few seconds.")
    dead = [child.name for child in stack.children if not child.is_alive()]
    if dead:
        return Check("stack", "warn", f"{', '.join(dead)} is being restarted", "Read its log in logs/.")
    return Check("stack", "ok", f"running (process {stack.supervisor.pid}), {len(stack.children)} parts alive")


def _database(url: str | None) -> Iterator[Check]:
    if url is None:
        yield database.check_programs()
        yield Check("migrations", "unknown", "the stack is not running")
        return
    server = database.check_server(url)
    yield server
    if server.status == "ok":
        yield database.check_migrations(url)
    else:
        yield Check("migrations", "unknown", "the database cannot be used")


def _readiness(settings: Settings, database_url: str | None, api_url: str | None, secret: str | None) -> Check:
    if api_url is None:
        return rendering.check_readiness(settings, database_url)
    with closing(PrefectClient(api_url, auth_string=secret)) as client:
        return rendering.check_readiness(settings, database_url, client)


def _prefect(api_url: str | None, database_url: str | None, auth_string: str | None) -> Iterator[Check]:
    if api_url is None:
        yield Check("prefect", "unknown", "the stack is not running")
        return
    server = prefect.check_server(api_url, auth_string)
    yield server
    for pool in POOLS:
        if server.status == "ok":
            resting = database.list_resting_workers(database_url) if database_url and pool == "gpu" else []
            yield prefect.check_workers(api_url, pool, resting, auth_string=auth_string)
        else:
            yield Check(f"{pool} workers", "unknown", "Prefect does not answer")
    if server.status == "ok":
        yield background.check_schedules(api_url, auth_string)
    else:
        yield Check("schedules", "unknown", "Prefect does not answer")
