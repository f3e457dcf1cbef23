"""One sandbox process as the host sees it: spoken to without blocking, killed by pidfd."""

import os
import re
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, Final

from app.brains import limits
from app.brains.sandbox import wire

_CPU_CLOCK: Final = 2  # CPUCLOCK_SCHED of a whole process
_LAST_LINE = re.compile(rb'File "<(?:template|command)>", line (\d+)')


class GoneError(Exception):
    """The child hung up, or sent what no child of ours sends."""


@dataclass(eq=False, slots=True)
class Child:
    """A process, its socket, and what the host remembers of it; `pid` is the zygote's number for it."""

    pid: int
    socket: socket.socket
    pidfd: int
    zygote: object
    owner: str = ""
    calling: bool = False
    runs: int = 0
    known: set[str] = field(default_factory=set)
    idle_since: float = 0.0
    code: bytes = b""
    reset: bool = False
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
        while (packet := self._packet()) is not None:
            if (value := wire.unpack(packet)) is not None:
                return value
            if packet.startswith(b"C") and not self.code:
                self.code = packet[1:]
                continue
            self.last_words += packet
            if not packet or len(self.last_words) > limits.CRASH_BYTES:
                raise GoneError("the process ended")
        return None

    def _packet(self) -> bytes | None:
        try:
            return self.socket.recv(limits.PACKET_BYTES)
        except BlockingIOError:
            return None
        except ConnectionResetError as error:
            # Said once when a process dies with jobs unread; its last words wait behind it.
            if not self.reset:
                self.reset = True
                return self._packet()
            raise GoneError("the process ended") from error
        except OSError as error:
            raise GoneError("the process ended") from error

    def last_line(self) -> int | None:
        """Find the operator's line in a crash report."""
        found = _LAST_LINE.search(self.last_words)
        return int(found.group(1)) if found else None

    @property
    def clock_rang(self) -> bool:
        """Whether the last words are the report of the processor's clock; a crash has the same reporter."""
        return b"(most recent call first)" in self.last_words and b"Fatal Python error" not in self.last_words

    def processor_seconds(self) -> float:
        """Return the processor time the process has had; endless when it is gone (clock_getcpuclockid(3))."""
        try:
            facts = Path(f"/proc/self/fdinfo/{self.pidfd}").read_text()
            pid = int(facts.partition("Pid:")[2].split()[0])
            return time.clock_gettime(~pid << 3 | _CPU_CLOCK) if pid > 0 else inf
        except OSError:
            return inf

    def kill(self) -> None:
        """End the process at once; by pidfd, so that a reused number is never hit."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def close(self) -> None:
        """Let go of the socket and the process."""
        self.socket.close()
        os.close(self.pidfd)
