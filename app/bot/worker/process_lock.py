"""File locks: one process a worker name, one embedded process a data folder; number of worker names."""

import fcntl
import socket
from pathlib import Path
from typing import IO

from app.signals import DomainError

MAX_WORKERS = 64


class WorkerNameError(DomainError):
    """Another process works under this name."""

    code = "worker_name"


class WorkerName:
    """A stable name of one process on this host, held by a lock: a restart gets it back, a second copy does not."""

    def __init__(self, data: Path, wanted: str) -> None:
        host = socket.gethostname()
        names = [wanted] if wanted else [f"{host}/{slot}" for slot in range(MAX_WORKERS)]
        for name in names:
            held = _lock(data / f"worker-{name.replace('/', '-')}.lock")
            if held:
                self.value, self._file = name, held
                return
        raise WorkerNameError(
            f"A worker named “{names[0]}” is running on this data folder. Stop it, or set another WORKER_NAME."
        )

    def release(self) -> None:
        """Release the name to other processes."""
        self._file.close()


def _lock(path: Path) -> IO[str] | None:
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def lock_data_folder(data: Path) -> IO[str]:
    """Lock the data folder for one embedded process; raises WorkerNameError when another has it."""
    held = _lock(data / "run.lock")
    if held is None:
        raise WorkerNameError(
            f"Brainbox is already running on {data}. Stop that one, or set BRAINBOX_DATA to another folder."
        )
    return held
