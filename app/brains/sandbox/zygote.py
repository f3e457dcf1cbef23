"""Handle of a zygote process: start, fork, reap, close."""

import json
import logging
import os
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

log = logging.getLogger(__name__)

ENTRY = Path(confined.__file__).with_name("zygote.py")
# Found without being imported: this process never touches a template.
_JINJA2 = find_spec("jinja2")
_SITE_PACKAGES = Path(str(_JINJA2 and _JINJA2.origin)).parent.parent
# Sets must have one order everywhere, or a run could not be repeated; there is nothing else in the environment.
_ENVIRONMENT = {"PYTHONHASHSEED": "0"}
_REPLY_BYTES = 65_536
_MAX_WORDS_BYTES = 4_096
_EXIT_TIMEOUT_S = 0.2  # seconds
# A child that was just forked has the zygote's socket too, for the moment before it closes it.
_CLOSING_MS = 10


@dataclass(slots=True)
class ZygoteOptions:
    """Options of a zygote; `layers` shrinks when one is not available, and `notes` says why."""

    entry: Path
    layers: frozenset[str]
    allow_unsafe: bool
    size: int
    notes: list[str] = field(default_factory=list)

    @classmethod
    def build(cls, entry: Path, layers: Collection[str], size: int, *, allow_unsafe: bool) -> "ZygoteOptions":
        """Return options with these layers to begin with."""
        return cls(entry, frozenset(layers), allow_unsafe, size)


class BootFailedError(Exception):
    """Zygote that did not become ready; `refused` when it reported an unavailable layer."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class ZygoteGoneError(Exception):
    """Zygote that does not answer; all its children are lost with it."""


class Zygote:
    """Zygote process; for one thread at a time."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self.process = process
        self._control = control
        self.in_force: dict[str, int] = {}

    @classmethod
    def start(cls, entry: Path, flavour: str, layers: Collection[str]) -> Self:
        """Start a process that confines itself, and wait until it has; raises BootFailedError."""
        host_end, zygote_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with zygote_end:
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
                stdin=zygote_end.fileno(),
                stdout=subprocess.DEVNULL,
                # Closed by the process itself before it loads anything of an operator (confine.enter).
                stderr=subprocess.PIPE,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the host, which then lets its children go
            )
        host_end.settimeout(limits.BOOT_SECONDS)
        started = cls(process, host_end)
        try:
            started.in_force = started._await_ready()
        except BootFailedError:
            started.close()
            raise
        finally:
            _log_first_words(process, flavour)
        return started

    def _await_ready(self) -> dict[str, int]:
        try:
            report = json.loads(self._control.recv(_REPLY_BYTES) or b"{}")
        except TimeoutError as error:
            raise BootFailedError("the process took too long to start") from error
        except (OSError, ValueError) as error:
            raise BootFailedError("the process ended while it started") from error
        if "refused" in report:
            raise BootFailedError(str(report["refused"]), refused=True)
        ready = report.get("ready")
        if not isinstance(ready, dict):
            raise BootFailedError("the process ended while it started")
        if ready.get("proof"):
            raise BootFailedError(f"a confined process could not work ({ready['proof']})", refused=True)
        return ready

    def fork(self, count: int) -> list[Child]:
        """Fork new children, confined and warming up; raises ZygoteGoneError."""
        host_ends: list[socket.socket] = []
        children: list[Child] = []
        try:
            for _ in range(count):
                host_end, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                host_ends.append(host_end)
                host_end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.ANSWER_BYTES)
                with child_end:
                    socket.send_fds(self._control, [b"F"], [child_end.fileno()])
            for host_end in host_ends:
                children.append(self._receive_child(host_end))  # noqa: PERF401  what was born before an error must be known
        except (OSError, ValueError, KeyError, IndexError) as error:
            for host_end in host_ends[len(children) :]:
                host_end.close()
            for child in children:
                child.close()
            raise ZygoteGoneError(f"{type(error).__name__}: {error}") from error
        return children

    def _receive_child(self, host_end: socket.socket) -> Child:
        reply, descriptors, _, _ = socket.recv_fds(self._control, _REPLY_BYTES, 1)
        host_end.setblocking(False)  # noqa: FBT003  a socket's own signature
        return Child(int(json.loads(reply)["child"]), host_end, descriptors[0], self)

    def reap(self, children: Sequence[Child]) -> list[int]:
        """Kill children, wait for their exit and return their peak memory (bytes); raises ZygoteGoneError."""
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
    def is_listening(self) -> bool:
        """Whether the process is alive: its socket is closed before the kernel ends its children."""
        return not self.wait_closed(0)

    def wait_closed(self, timeout_ms: int = _CLOSING_MS) -> bool:
        """Wait until the process is gone; return false when it is not by then."""
        if self._control.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(self._control, select.POLLRDHUP)
        return bool(poll.poll(timeout_ms))

    def close(self) -> int:
        """End the process, which ends its children; return its exit code."""
        self._control.close()
        try:
            # It ends by itself when its socket closes; what was lost before has its own code to tell.
            return self.process.wait(_EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def _log_first_words(process: subprocess.Popen[bytes], flavour: str) -> None:
    """Log what a zygote wrote to its standard error while it started, such as why it could not."""
    if process.stderr is None:
        return
    with process.stderr as stream:
        os.set_blocking(stream.fileno(), False)
        words = (stream.read(_MAX_WORDS_BYTES) or b"").decode("utf-8", "replace").strip()
    if words:
        log.warning("sandbox for %ss said while it started: %s", flavour, words)
