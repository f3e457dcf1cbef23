"""Handle of one sandbox process: non-blocking socket, processor time, kill by pidfd."""

import os
import re
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, Final

from app.brains import limits
from app.brains.sandbox import protocol
from app.brains.sandbox.snapshot import ChildSnapshot

_CPU_CLOCK: Final = 2  # CPUCLOCK_SCHED of a whole process
_LAST_LINE = re.compile(rb'File "<(?:template|command)>", line (\d{1,6})\b')


class ChildGoneError(Exception):
    """Child that closed its socket or sent an invalid packet."""


@dataclass(eq=False, slots=True)
class Child:
    """Sandbox process with its socket and state; `pid` is its number in the zygote's namespace."""

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
    crash_output: bytes = b""

    def send(self, packet: bytes) -> bool:
        """Send a packet without blocking; False when the child must read first. Raises ChildGoneError."""
        try:
            self.socket.send(packet)
        except BlockingIOError:
            return False
        except OSError as error:
            raise ChildGoneError("the process ended") from error
        return True

    def receive(self) -> dict[str, Any] | None:
        """Receive one JSON packet without blocking; None when there is none yet. Raises ChildGoneError."""
        while (packet := self._receive_packet()) is not None:
            if (value := protocol.decode(packet)) is not None:
                return value
            if packet.startswith(b"C") and not self.code:
                self.code = packet[1:]
                continue
            self.crash_output += packet
            if not packet or len(self.crash_output) > limits.CRASH_BYTES:
                raise ChildGoneError("the process ended")
        return None

    def _receive_packet(self) -> bytes | None:
        try:
            return self.socket.recv(limits.PACKET_BYTES)
        except BlockingIOError:
            return None
        except ConnectionResetError as error:
            # Said once when a process dies with jobs unread; its last words wait behind it.
            if not self.reset:
                self.reset = True
                return self._receive_packet()
            raise ChildGoneError("the process ended") from error
        except OSError as error:
            raise ChildGoneError("the process ended") from error

    def find_last_line(self) -> int | None:
        """Return the operator's line in a crash report."""
        found = _LAST_LINE.search(self.crash_output)
        return int(found.group(1)) if found else None

    @property
    def has_timed_out(self) -> bool:
        """Whether the crash output is the report of the processor time limit, which crashes resemble."""
        return (
            b"(most recent call first)" in self.crash_output
            and b"Fatal Python error" not in self.crash_output
        )

    def read_cpu_seconds(self) -> float:
        """Return the processor time of the process (s); infinite when it is gone (clock_getcpuclockid(3))."""
        try:
            facts = Path(f"/proc/self/fdinfo/{self.pidfd}").read_text()
            pid = int(facts.partition("Pid:")[2].split()[0])
            return time.clock_gettime(~pid << 3 | _CPU_CLOCK) if pid > 0 else inf
        except OSError:
            return inf

    def snapshot(self) -> ChildSnapshot:
        """Return the current state of the process."""
        return ChildSnapshot(self.pid, self.pidfd, self.runs)

    def kill(self) -> None:
        """Kill the process by pidfd, so that a reused process id is never hit."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def close(self) -> None:
        """Close the socket and the pidfd."""
        self.socket.close()
        os.close(self.pidfd)


class Reserve:
    """Children that wait for their first job: few, and more once these were used up, until it is quiet again.

    Used under the lock of a pool; `size` is the most that can ever be bound, `clock` counts seconds.
    """

    def __init__(self, size: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._most = min(size, limits.READY_CHILDREN)
        self._least = min(size, limits.QUIET_READY_CHILDREN)
        self._kept = self._least
        self._used_up_at = -inf
        self._children: deque[Child] = deque()

    def __len__(self) -> int:
        return len(self._children)

    def __iter__(self) -> Iterator[Child]:
        return iter(self._children)

    @property
    def is_low(self) -> bool:
        """Whether it is time to fork more."""
        return len(self._children) <= self._kept // 2

    @property
    def wanted(self) -> int:
        """How many to fork now: a few at a time, since the first ones may be waited for."""
        return max(0, min(self._kept - len(self._children), max(1, self._kept // 2)))

    def add(self, children: Iterable[Child]) -> None:
        """Take in children that were forked."""
        self._children.extend(children)

    def take(self) -> Child:
        """Take out the oldest child."""
        child = self._children.popleft()
        if not self._children:
            self._kept, self._used_up_at = self._most, self._clock()
        return child

    def take_surplus(self) -> list[Child]:
        """Take out those that are too many, once the reserve has not been used up for a while."""
        if self._used_up_at < self._clock() - limits.IDLE_SECONDS:
            self._kept = self._least
        return [self._children.pop() for _ in range(len(self._children) - self._kept)]

    def take_all(self) -> list[Child]:
        """Take out every child."""
        children = list(self._children)
        self._children.clear()
        return children
