"""PostgreSQL: the embedded programs, the server, the migrations."""

from __future__ import annotations

import subprocess

import psycopg

from deployments import external, postgres_home
from deployments.checks import Check
from tower.errors import StackError


def programs() -> Check:
    """Check that the embedded server's programs can run."""
    name = "postgres"
    try:
        program = postgres_home.installed() / postgres_home.BIN / "postgres"
        version = subprocess.run([program, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    except StackError as error:
        return Check(name, "fail", error.message)
    except (OSError, subprocess.CalledProcessError) as error:
        remedy = "Run `make setup` again, or set TOWER_DATABASE_URL to a PostgreSQL server of your own."
        return Check(name, "fail", f"the embedded server cannot run: {error}", remedy)
    return Check(name, "ok", f"embedded {version}")


def server(url: str) -> Check:
    try:
        with psycopg.connect(external.as_libpq(url), connect_timeout=5) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.Error as error:
        return Check(
            "database",
            "fail",
            f"cannot be used: {external.first_line(error)}",
            "Read logs/postgres.log, or check TOWER_DATABASE_URL.",
        )
    return Check("database", "ok", f"PostgreSQL {version} answers")


def migrations(url: str) -> Check:
    from db.migrate import MigrationError, current, head

    try:
        found, newest = current(url), head()
    except MigrationError as error:
        return Check("migrations", "fail", str(error), "Make the database reachable first.")
    if found != newest:
        return Check("migrations", "fail", f"at {found or 'nothing'}, newest is {newest}", "Run `tower migrate`.")
    return Check("migrations", "ok", f"at {newest}, the newest")
