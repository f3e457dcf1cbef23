"""Real processes: started on a leash, killed by group, and what they cost according to /proc."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")


class StartError(Exception):
    """A process ended, or was not ready in time; the message has the end of its log."""


@dataclass(slots=True)
class Part:
    """One process of the system under test, in a session of its own, that dies with its starter."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    folder: Path
    log: Path
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """Process id, also of its group and session; 0 before the first start."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process; call it from a thread that outlives it, or the leash ends it too soon."""
        switch = [f"--reuid={self.user}", f"--regid={self.user}", "--init-groups"] if self.user else []
        leash = ["setpriv", *switch, "--pdeathsig", "KILL", "--"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*leash, *self.command],
                env=dict(self.env),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End the whole process group with SIGKILL and reap the process."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def stop(self, timeout: float) -> float | None:
        """Ask the process to end: how many seconds it took, or None when it had to be killed."""
        if self._process is None or not self.alive:
            return 0.0
        began = time.monotonic()
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return None
        return time.monotonic() - began

    def log_end(self, characters: int = 3000) -> str:
        """Return the last words of the process."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""


class _Stat(NamedTuple):
    parent: int
    session: int
    ticks: int
    born: int


def _stat(pid: int) -> _Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name stands in parentheses and may hold anything; the fields follow it (proc(5)).
    fields = text.rpartition(")")[2].split()
    # utime, stime and what reaped children took: cutime, cstime.
    return _Stat(int(fields[1]), int(fields[3]), sum(map(int, fields[11:15])), int(fields[19]))


def _number(name: str) -> int:
    return int(name) if name.isdigit() else 0


class Member(NamedTuple):
    """A living process: CPU seconds it and its reaped children took, and when it was born (clock ticks)."""

    cpu: float
    born: int


def family(pids: Sequence[int]) -> dict[int, Member]:
    """Map the processes of these sessions and all their descendants to what they took."""
    seen = {pid: _stat(pid) for entry in Path("/proc").iterdir() if (pid := _number(entry.name))}
    stats = {pid: stat for pid, stat in seen.items() if stat is not None}
    members = {pid for pid, stat in stats.items() if pid in pids or stat.session in pids}
    while more := {pid for pid, stat in stats.items() if stat.parent in members} - members:
        members |= more
    return {pid: Member(stats[pid].ticks / TICKS, stats[pid].born) for pid in members}


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the CPU seconds of the processes' families, ended and reaped children included."""
    return sum(member.cpu for member in family(pids).values())


def survivors(members: Mapping[int, Member]) -> list[int]:
    """Return which of the processes once seen still run (a process id may have a new owner)."""
    return [pid for pid, member in members.items() if (stat := _stat(pid)) and stat.born == member.born]


def pss_mb(pids: Sequence[int]) -> float:
    """Return the proportional set size of the processes' families in megabytes (2^20 bytes)."""
    total = 0
    for pid in family(pids):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def resident_mb(pids: Sequence[int]) -> float:
    """Return the resident memory of the processes' families in megabytes, what they share counted for each.

    Costs the processes nothing; `pss_mb` holds up whatever maps memory while it is counted, 50 ms and more.
    """
    pages = 0
    for pid in family(pids):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def machine_busy() -> float:
    """Return the CPU seconds the whole machine has worked since boot (guests of it included)."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _idle, _wait, irq, softirq = fields[:7]
    return (user + nice + system + irq + softirq) / TICKS


def end(pids: Sequence[int]) -> None:
    """Kill exactly these processes."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def unwind_on_sigterm() -> None:
    """Let SIGTERM unwind this program like Ctrl-C, so that everything it started and wrote goes away."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def free_port() -> int:
    """Return a loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_listening(part: Part, port: int, timeout: float) -> None:
    """Wait until `part` takes connections on `port`, `timeout` seconds at most; raises StartError."""
    deadline = time.monotonic() + timeout
    while part.alive and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise StartError(f"{part.name} does not listen on port {port}:\n{part.log_end()}")
