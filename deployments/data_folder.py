"""The data folder: created at the first start, closed to the other users of the machine at every start."""

from __future__ import annotations

import logging
import os
import secrets
import stat
from pathlib import Path

from tower.errors import StackError

PRIVATE_UMASK = 0o077  # every command sets it, and its child processes inherit it
OWN_NAMES = ("cache", "logs", "media", "postgres", "prefect", "renders", "stack.json", "stack.lock")
POSTGRES_FOLDER = "postgres"
_PRIVATE, _PASSABLE = 0o700, 0o711

log = logging.getLogger(__name__)


def prepare_data_folder(folder: Path) -> None:
    """Create `folder`, close it to other users, and test that files can be written in it.

    Raises StackError if they cannot.
    """
    probe = folder / f".probe-{secrets.token_hex(4)}"
    try:
        make_own_folder(folder)
        close_to_others(folder)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StackError(
            f"The data folder {folder} cannot be written ({error.strerror}): make it writable, or set TOWER_DATA_DIR "
            "to a folder that is."
        ) from error


def make_own_folder(folder: Path) -> None:
    """Create a folder with its parents, unless it exists, for this user alone.

    Those of root can be passed through, but not listed, by the user that runs PostgreSQL.
    """
    for part in reversed([part for part in (folder, *folder.parents) if not part.exists()]):
        part.mkdir(exist_ok=True)
        part.chmod(_folder_mode())


def close_to_others(folder: Path) -> None:
    """Take the rights of the group and of others from the folder and from what Tower keeps in it."""
    if not folder.stat().st_mode & stat.S_ISVTX:  # a folder like /tmp belongs to everyone
        _restrict(folder, _folder_mode())
    for name in OWN_NAMES:
        path = folder / name
        if path.exists() and not path.is_symlink():
            _restrict(path, _folder_mode() if name == POSTGRES_FOLDER else _PRIVATE)


def make_private_folder(folder: Path) -> Path:
    """Create a folder that only this user can enter, and return it. Raises StackError if another user owns it."""
    folder.mkdir(mode=_PRIVATE, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise StackError(f"{folder} is not a folder of this user: remove it, or set TMPDIR to another folder.")
    if status.st_mode & PRIVATE_UMASK:
        folder.chmod(_PRIVATE)
    return folder


def read_private(file: Path) -> str:
    """The text of a secret file. Raises StackError if another user owns it; closes it if others could read it."""
    status = file.lstat()
    if not stat.S_ISREG(status.st_mode) or os.geteuid() not in (0, status.st_uid):
        raise StackError(f"{file} is not a file of this user: restore it from a backup, or remove it.")
    if status.st_mode & PRIVATE_UMASK:
        file.chmod(stat.S_IMODE(status.st_mode) & ~PRIVATE_UMASK)
    return file.read_text().strip()


def _folder_mode() -> int:
    """Root runs PostgreSQL as another user, who must pass through its folder and the one around it."""
    return _PASSABLE if os.geteuid() == 0 else _PRIVATE


def _restrict(path: Path, allowed: int) -> None:
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if mode & ~allowed & PRIVATE_UMASK == 0:
        return
    if os.geteuid() not in (0, status.st_uid):
        log.warning("%s belongs to another user and stays open to others", path)
        return
    path.chmod(mode & (allowed | ~PRIVATE_UMASK))
    log.warning("%s was open to other users and is closed now", path)
