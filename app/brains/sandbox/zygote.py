"""A zygote as the host sees it: started by exec with nothing but a socket, asked for children, told of their ends."""

import json
import select
import socket
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from app.brains import confined, limits
from app.brains.sandbox.process import Child

ENTRY = Path(confined.__file__).with_name("zygote.py")
# Found without being imported: this process never touches a template.
_JINJA2 = find_spec("jinja2")
_SITE_PACKAGES = Path(str(_JINJA2 and _JINJA2.origin)).parent.parent
# Sets must have one order everywhere, or a run could not be repeated; there is nothing else in the environment.
_ENVIRONMENT = {"PYTHONHASHSEED": "0"}
_REPLY_BYTES = 65_536
_LAST_WAIT = 0.2  # seconds


@dataclass(slots=True)
class Terms:
    """On what terms children are made; `layers` shrinks when one cannot be had, and `notes` say why."""

    entry: Path
    layers: frozenset[str]
    allow_unsafe: bool
    size: int
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, entry: Path, layers: Collection[str], size: int, *, allow_unsafe: bool) -> "Terms":
        """Return the terms with these layers to begin with."""
        return cls(entry, frozenset(layers), allow_unsafe, size)


class BootFailedError(Exception):
    """A zygote did not become ready; `refused` when it said that a layer cannot be had here."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class ZygoteGoneError(Exception):
    """The zygote does not answer; all its children are lost with it."""


class Zygote:
    """One zygote process; for one thread at a time."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self.process = process
        self._control = control
        self.in_force: dict[str, int] = {}

    @classmethod
    def start(cls, entry: Path, flavour: str, layers: Collection[str]) -> Self:
        """Start a process that confines itself, and wait until it has; raises BootFailedError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [
                sys.executable,
                "-P",
                "-s",
                "-S",
                "-W",
                "ignore",
                str(entry),
                str(_SITE_PACKAGES),
                flavour,
            ]
            process = subprocess.Popen(  # noqa: S603  our own file, an environment of our own, no shell
                [*command, ",".join(sorted(layers))],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the host, which then lets its children go
            )
        ours.settimeout(limits.BOOT_SECONDS)
        made = cls(process, ours)
        try:
            made.in_force = made._await_ready()
        except BootFailedError:
            made.close()
            raise
        return made

    def _await_ready(self) -> dict[str, int]:
        try:
            said = json.loads(self._control.recv(_REPLY_BYTES) or b"{}")
        except TimeoutError as error:
            raise BootFailedError("the process took too long to start") from error
        except (OSError, ValueError) as error:
            raise BootFailedError("the process ended while it started") from error
        if "refused" in said:
            raise BootFailedError(str(said["refused"]), refused=True)
        ready = said.get("ready")
        if not isinstance(ready, dict):
            raise BootFailedError("the process ended while it started")
        if ready.get("proof"):
            raise BootFailedError(f"a confined process could not work ({ready['proof']})", refused=True)
        return ready

    def fork(self, count: int) -> list[Child]:
        """Return new children, confined and warming up; raises ZygoteGoneError."""
        ours: list[socket.socket] = []
        born: list[Child] = []
        try:
            for _ in range(count):
                mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                ours.append(mine)
                mine.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.ANSWER_BYTES)
                with theirs:
                    socket.send_fds(self._control, [b"F"], [theirs.fileno()])
            for mine in ours:
                born.append(self._born(mine))  # noqa: PERF401  what was born before an error must be known
        except (OSError, ValueError, KeyError, IndexError) as error:
            for mine in ours[len(born) :]:
                mine.close()
            for child in born:
                child.close()
            raise ZygoteGoneError(f"{type(error).__name__}: {error}") from error
        return born

    def _born(self, mine: socket.socket) -> Child:
        reply, descriptors, _, _ = socket.recv_fds(self._control, _REPLY_BYTES, 1)
        mine.setblocking(False)  # noqa: FBT003  a socket's own signature
        return Child(int(json.loads(reply)["child"]), mine, descriptors[0], self)

    def bury(self, children: Sequence[Child]) -> list[int]:
        """Kill children, wait for their ends and return their peaks of memory, bytes; raises ZygoteGoneError."""
        for child in children:
            child.kill()
        try:
            self._control.send(b"R" + " ".join(str(child.pid) for child in children).encode())
            ends: list[list[Any]] = json.loads(self._control.recv(_REPLY_BYTES) or b"{}")["ends"]
        except (OSError, ValueError, KeyError) as error:
            raise ZygoteGoneError(f"{type(error).__name__}: {error}") from error
        finally:
            for child in children:
                child.close()
        return [int(end[2]) * 1024 for end in ends]

    @property
    def listens(self) -> bool:
        """Whether the process is there: its socket is closed before the kernel ends its children."""
        poll = select.poll()
        poll.register(self._control, select.POLLRDHUP)
        return not poll.poll(0)

    def close(self) -> int:
        """End the process, and with it the kernel ends its children; return its exit code."""
        self._control.close()
        try:
            # It ends by itself when its socket closes; what was lost before has its own code to tell.
            return self.process.wait(_LAST_WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
