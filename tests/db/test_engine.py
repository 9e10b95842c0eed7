"""The way to the database."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url, text

from db.engine import connect, sessions


@pytest.mark.parametrize("spelling", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_any_spelling_of_the_address_connects(database_url: str, spelling: str) -> None:
    url = make_url(database_url).set(drivername=spelling).render_as_string(hide_password=False)
    engine = connect(url, application="spelling")
    with engine.connect() as connection:
        name, zone = connection.execute(
            text("select current_setting('application_name'), current_setting('timezone')")
        ).one()
    engine.dispose()
    assert (name, zone) == ("spelling", "UTC")


def test_a_connection_that_the_server_closed_is_replaced(database_url: str) -> None:
    engine = connect(database_url, pool_size=1)
    with sessions(engine)() as session:
        pid = session.scalar(text("select pg_backend_pid()"))
    other = connect(database_url)
    with other.connect() as connection:
        assert connection.scalar(text("select pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    other.dispose()
    with sessions(engine)() as session:
        assert session.scalar(text("select pg_backend_pid()")) != pid
    engine.dispose()
