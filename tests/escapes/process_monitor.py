"""Looks from outside whether everybody who should live lives, and nobody else does."""

import logging
import resource
import select
from pathlib import Path

from app.brains.sandbox import Sandbox

_HOST_GROWTH_KB = 64 * 1024


class ProcessMonitor:
    """What a host looks like before an attack; compared with what it looks like afterwards."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self._zygotes = sandbox.list_zygote_pids()
        self._memory = _resident()
        self._files = _listing(folder)

    def find_harm(self, attacker: str) -> list[str]:
        """Say what an attack has done to others; may be asked again and again."""
        found = []
        if self._sandbox.list_zygote_pids() != self._zygotes:
            self._zygotes = self._sandbox.list_zygote_pids()
            found.append("alive: a zygote died")
        if killed := _dead_siblings(self._sandbox, attacker):
            found.append(f"alive: {killed} sibling(s) died")
        if _grandchildren(self._zygotes):
            found.append("process: a child has a child or a thread of its own")
        if (grown := _resident()) > self._memory + _HOST_GROWTH_KB:
            found.append(f"limit: the host grew by {(grown - self._memory) // 1024} MB")
            self._memory = grown
        if (files := _listing(self._folder)) != self._files:
            self._files = files
            found.append("file: the host's folder was changed")
        return found


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _listing(folder: Path) -> list[tuple[str, bytes]]:
    return sorted((path.name, path.read_bytes()) for path in folder.iterdir() if path.is_file())


def _dead_siblings(sandbox: Sandbox, attacker: str) -> int:
    dead = 0
    for pool in {id(pool): pool for pool in sandbox._get_pools().values()}.values():
        with pool._lock:
            others = [child for owner, idle in pool._idle.items() if owner != attacker for child in idle]
            for child in [*pool._ready, *others]:
                poll = select.poll()
                poll.register(child.pidfd, select.POLLIN)
                dead += bool(poll.poll(0))
    return dead


def _grandchildren(zygotes: list[int]) -> list[int]:
    """Return processes below the children of these zygotes, and children with more than one thread."""
    children = [pid for zygote in zygotes for pid in _forks_of(_innermost(zygote))]
    return [pid for pid in children if _forks_of(pid) or _threads(pid) > 1]


def _innermost(zygote: int) -> int:
    """Return the zygote itself: where it has a namespace of its own, what was started only waits for it."""
    below = _forks_of(zygote)
    namespaces = [_namespace(pid) for pid in (zygote, *below)]
    return below[0] if len(below) == 1 and namespaces[0] != namespaces[1] else zygote


def _namespace(pid: int) -> str:
    # Readable for everybody, unlike /proc/<pid>/ns of a process that may not be dumped.
    return _field(pid, "NSpid")


def _threads(pid: int) -> int:
    return int(_field(pid, "Threads") or 0)


def _field(pid: int, name: str) -> str:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return ""
    value = next((line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:")), "")
    return str(len(value.split())) if name == "NSpid" else value


def _forks_of(pid: int) -> list[int]:
    try:
        return [int(found) for found in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


class Listener(logging.Handler):
    """Keeps what the host writes to its logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line, with the error that belongs to it."""
        self.lines.append(f"{record.getMessage()} {record.exc_info and record.exc_info[1]!r}")

    def take(self) -> list[str]:
        """Return what was written since the last time."""
        lines, self.lines = self.lines, []
        return lines


def listen() -> Listener:
    """Begin to keep the host's logs, all of them."""
    listener = Listener()
    logging.getLogger().addHandler(listener)
    logging.getLogger("app").setLevel(logging.DEBUG)
    return listener
