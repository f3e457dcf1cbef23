"""Redis and PostgreSQL from the system's packages, each in a folder of its own on a free loopback port."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from signal import SIGINT, SIGTERM

from bench.processes import Part, StartError, free_port, wait_listening

# Debian keeps the server's programs by version; the newest serves.
POSTGRES = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/usr/bin"))
PLAIN_ENV = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "HOME": "/nonexistent"}


def redis(folder: Path) -> tuple[Part, str]:
    """Prepare Redis without persistence, as a doorbell needs none: the process and its URL."""
    port = free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    part = Part("redis", command, PLAIN_ENV, folder, folder / "redis.log", stop_signal=SIGTERM)
    return part, f"redis://127.0.0.1:{port}/0"


def postgres(folder: Path, *, durable: bool = True) -> tuple[Part, str]:
    """Make a PostgreSQL cluster: the process and the URL of its one database.

    It refuses to run as root, so root hands the folder to the user `postgres`. One that need not be `durable` loses
    what was committed when the machine stops, and is quicker.
    """
    user = "postgres" if os.getuid() == 0 else None
    home = folder / "postgres"
    home.mkdir()
    if user:
        shutil.chown(home, user, user)
    port = free_port()
    data = str(home / "data")
    switch = [f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    initdb = [
        str(POSTGRES / "initdb"),
        "-D",
        data,
        "-U",
        "brainbox",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
    ]
    subprocess.run(
        ["setpriv", *switch, "--pdeathsig", "KILL", "--", *initdb],
        env=PLAIN_ENV,
        cwd=home,
        check=True,
        capture_output=True,
        timeout=60,
    )
    command = [str(POSTGRES / "postgres"), "-D", data, "-p", str(port), "-k", "", "-h", "127.0.0.1"]
    if not durable:
        command += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
    part = Part("postgres", command, PLAIN_ENV, home, folder / "postgres.log", user, SIGINT)
    return part, f"postgresql://brainbox@127.0.0.1:{port}/postgres"


def start_service(part: Part, url: str, timeout: float = 20) -> None:
    """Start a service and wait until it answers; raises StartError."""
    part.start()
    wait_listening(part, int(url.rpartition(":")[2].partition("/")[0]), timeout)
    if part.name == "postgres":
        # It listens before it is done starting; clients are refused until then.
        _wait_until(lambda: _accepts(url), part, timeout)


def _accepts(url: str) -> bool:
    check = subprocess.run([POSTGRES / "pg_isready", "-q", "-d", url], env=PLAIN_ENV, check=False, timeout=10)
    return check.returncode == 0


def _wait_until(ready: Callable[[], bool], part: Part, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not ready():
        if not part.alive or time.monotonic() > deadline:
            raise StartError(f"{part.name} is not ready:\n{part.log_end()}")
        time.sleep(0.05)
