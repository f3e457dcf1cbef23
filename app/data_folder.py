"""Data folder: only its owner may read it and what we keep there (folders 0700, files 0600); mends older ones."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

PRIVATE_UMASK: Final = 0o077
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
# Databases with their journals and backups, locks, keys; a folder may also hold what is not ours.
_OWN_FILES: Final = (
    "*.db",
    "*.db-*",
    "*.db.*",
    "*.bak",
    "*.backup",
    "*.dump",
    "*.lock",
    "secret_key*",
    "audit.anchor",
)
_OWN_FOLDERS: Final = ("media", "workers", "backups")


def set_private_umask() -> None:
    """Let this process create files that nobody else of this machine can read."""
    os.umask(PRIVATE_UMASK)


def set_private_modes(folder: Path) -> None:
    """Take every right of others from the data folder and our files in it; leave what is not this user's."""
    for path, mode in find_exposed(folder):
        # Another user's: `flask doctor` says so.
        with suppress(PermissionError, FileNotFoundError):
            path.chmod(mode)


def find_exposed(folder: Path) -> list[tuple[Path, int]]:
    """Return what others of this machine have rights on, with the mode it should have."""
    wanted = [(folder, _FOLDER_MODE), *((path, _get_mode(path)) for path in _iterate_own(folder))]
    exposed = []
    for path, mode in wanted:
        with suppress(FileNotFoundError):
            if stat.S_IMODE(path.lstat().st_mode) & PRIVATE_UMASK and not path.is_symlink():
                exposed.append((path, mode))
    return exposed


def create_private(path: Path) -> None:
    """Create an empty file that only its owner can read, unless there is one."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE))


def _iterate_own(folder: Path) -> Iterator[Path]:
    yield from sorted({path for pattern in _OWN_FILES for path in folder.glob(pattern)})
    for name in _OWN_FOLDERS:
        if (folder / name).is_dir():
            yield folder / name


def _get_mode(path: Path) -> int:
    return _FOLDER_MODE if path.is_dir() else _FILE_MODE
