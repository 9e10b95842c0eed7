"""PostgreSQL: the embedded programs, the server, the migrations."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

import psycopg

from deployments import external, postgres_home
from deployments.checks import Check
from tower.addresses import Address
from tower.errors import StackError
from tower.errors.foreign import reason_of
from tower.rendering.failure_limits import SEEN_RECENTLY

_RESTING = """
select name, last_failure from public.workers
where state = 'unwell' and seen_at > now() - %(recently)s order by name
"""


@dataclass(frozen=True)
class RestingWorker:
    """A gpu worker that takes no renders for now."""

    name: str
    reason: str


def list_resting_workers(url: str) -> list[RestingWorker]:
    """The workers that reported recently that they rest. None are known if the database does not answer."""
    try:
        with psycopg.connect(external.to_libpq_url(url), connect_timeout=5) as connection:
            rows = connection.execute(_RESTING, {"recently": SEEN_RECENTLY}).fetchall()
    except psycopg.Error:
        return []
    return [RestingWorker(name, reason) for name, reason in rows]


def check_programs() -> Check:
    """Check that the embedded server's programs can run."""
    name = "postgres"
    try:
        program = postgres_home.find_packages() / postgres_home.BIN_FOLDER / "postgres"
        version = subprocess.run([program, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    except StackError as error:
        return Check(name, "fail", error.message)
    except (OSError, subprocess.CalledProcessError) as error:
        remedy = "Run `make setup` again, or set TOWER_DATABASE_URL to a PostgreSQL server of your own."
        return Check(name, "fail", f"the embedded server cannot run: {reason_of(error)}", remedy)
    return Check(name, "ok", f"embedded {version}")


def check_server(url: str) -> Check:
    try:
        with psycopg.connect(external.to_libpq_url(url), connect_timeout=5) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.Error as error:
        return Check(
            "database",
            "fail",
            f"{Address(url)} cannot be used: {external.describe_failure(error)}",
            "Read logs/postgres.log, or check TOWER_DATABASE_URL.",
        )
    return Check("database", "ok", f"PostgreSQL {version} answers")


def check_migrations(url: str) -> Check:
    from db.migrate import MigrationError, current_revision, head_revision

    try:
        found, newest = current_revision(url), head_revision()
    except MigrationError as error:
        found = str(error) if error.__cause__ is None else f"cannot be read: {reason_of(error.__cause__)}"
        return Check("migrations", "fail", found, "Make the database reachable first.")
    if found != newest:
        return Check("migrations", "fail", f"at {found or 'nothing'}, newest is {newest}", "Run `tower migrate`.")
    return Check("migrations", "ok", f"at {newest}, the newest")
