"""One sandbox process as the host sees it: started confined, spoken to without blocking, killed by pidfd."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.brains import confined, limits
from app.brains.sandbox import wire

CHILD = Path(confined.__file__).with_name("child.py")
# Found without being imported: this process never touches a template.
_JINJA2 = find_spec("jinja2")
_SITE_PACKAGES = Path(str(_JINJA2 and _JINJA2.origin)).parent.parent
_LAST_LINE = re.compile(rb'File "<template>", line (\d+)')


class BootFailedError(Exception):
    """A child did not become ready; `refused` when it said that a layer cannot be had here."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class GoneError(Exception):
    """The child hung up, or sent what no child of ours sends."""


@dataclass(eq=False, slots=True)
class Child:
    """A process, its socket, and what the host remembers of it."""

    process: subprocess.Popen[bytes]
    socket: socket.socket
    pidfd: int
    in_force: dict[str, int] = field(default_factory=dict)
    version_id: int | None = None
    runs: int = 0
    known: set[str] = field(default_factory=set)
    idle_since: float = 0.0
    last_words: bytes = b""

    def send(self, packet: bytes) -> bool:
        """Send without blocking; False when the child must read first. Raises GoneError."""
        try:
            self.socket.send(packet)
        except BlockingIOError:
            return False
        except OSError as error:
            raise GoneError("the process ended") from error
        return True

    def receive(self) -> dict[str, Any] | None:
        """Read one JSON packet without blocking; None when there is none yet. Raises GoneError."""
        while True:
            try:
                packet = self.socket.recv(limits.PACKET_BYTES)
            except BlockingIOError:
                return None
            except OSError as error:
                raise GoneError("the process ended") from error
            if (value := wire.unpack(packet)) is not None:
                return value
            self.last_words += packet
            if not packet or len(self.last_words) > limits.CRASH_BYTES:
                raise GoneError("the process ended")

    def may_run(self, ahead: int) -> bool:
        """Tell whether another job may be sent, `ahead` being on their way."""
        return self.runs + ahead < limits.RUNS_PER_CHILD

    def last_line(self) -> int | None:
        """Find the template's line in a crash report."""
        found = _LAST_LINE.search(self.last_words)
        return int(found.group(1)) if found else None

    def kill(self) -> None:
        """End the process at once; by pidfd, so that a reused number is never hit."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def bury(self) -> None:
        """Kill, wait for the end and close what belonged to the process."""
        self.kill()
        self.process.wait()
        self.socket.close()
        os.close(self.pidfd)


def start(launcher: Path, layers: Collection[str]) -> Child:
    """Start a process that confines itself, and wait until it has; raises BootFailedError."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-I", "-S", str(launcher), str(_SITE_PACKAGES), ",".join(sorted(layers))]
        process = subprocess.Popen(  # noqa: S603  our own file, an empty environment, no shell
            command,
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
        )
    ours.setblocking(False)  # noqa: FBT003  a socket's own signature
    child = Child(process, ours, os.pidfd_open(process.pid))
    try:
        child.in_force = _await_ready(child)
    except BootFailedError:
        child.bury()
        raise
    return child


def _await_ready(child: Child) -> dict[str, int]:
    poll = select.poll()
    poll.register(child.socket, select.POLLIN)
    try:
        said = child.receive() if poll.poll(limits.BOOT_SECONDS * 1000) else None
    except GoneError as error:
        raise BootFailedError("the process ended while it started") from error
    if said is None:
        raise BootFailedError("the process took too long to start")
    if "refused" in said:
        raise BootFailedError(str(said["refused"]), refused=True)
    ready = said.get("ready")
    if not isinstance(ready, dict):
        raise BootFailedError("the process said something unexpected")
    return ready
