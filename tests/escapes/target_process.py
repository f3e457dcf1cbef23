"""Starts one process with a fresh secret around it, as this user or one without privileges, and listens to it."""

import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NOBODY = 65534
_STUCK_SECONDS = 90.0  # with nothing said: the host itself hangs
_HARNESS_ERROR = 1  # what Python ends with after an error of our own; an attack ends the host by a signal
_JINJA2 = find_spec("jinja2")
SITE = str(Path(str(_JINJA2 and _JINJA2.origin)).parent.parent)


class HarnessError(Exception):
    """A process of the harness could not do its work; the text says why."""


def get_user_options(*, ordinary: bool) -> dict[str, Any]:
    """Return how to start a process as such a user."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if ordinary and os.getuid() == 0 else {}


def find_interpreter(*, ordinary: bool) -> str | None:
    """Return a Python that such a user may start: this one, or the system's where root keeps this one to itself."""
    if not ordinary or os.getuid() != 0:
        return sys.executable
    # The same minor version, or the installed libraries would not fit.
    test = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            if not subprocess.run(
                [python, "-c", test], check=False, **get_user_options(ordinary=True), cwd="/"
            ).returncode:
                return python
        except OSError:
            continue
    return None


@contextmanager
def create_home(*, ordinary: bool) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield a folder with a new secret in a file, and an environment with the same secret in it."""
    value = secrets.token_hex(16)
    with TemporaryDirectory(prefix="escapes-home-") as folder:
        kept = Path(folder, "canary.txt")
        kept.write_text(value)
        if ordinary and os.getuid() == 0:
            for path in (folder, kept):
                os.chown(path, NOBODY, NOBODY)
        yield folder, {"CANARY": value, "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass
class TargetProcess:
    """A process that says what it does, one JSON object a line."""

    entry: Path
    order: dict[str, Any]
    ordinary: bool = False
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> Iterator[dict[str, Any]]:
        """Yield what it says until it ends; it is ended when it says nothing for long.

        Raises CrewError when it ends by an error of its own; whether it was killed can be seen by what it said last.
        """
        python = find_interpreter(ordinary=self.ordinary)
        if python is None:
            raise HarnessError("there is no Python here that an ordinary user may start")
        order = json.dumps({"site": SITE, **self.order})
        with create_home(ordinary=self.ordinary) as (folder, environment):
            command = [python, "-P", "-s", str(self.entry), order]
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            with subprocess.Popen(
                command, cwd=folder, env=environment, **pipes, **get_user_options(ordinary=self.ordinary)
            ) as process:
                reader = threading.Thread(target=self._read_complaints, args=(process,), daemon=True)
                reader.start()
                try:
                    yield from _lines(process)
                finally:
                    process.kill()
                    reader.join()
        if process.returncode == _HARNESS_ERROR:
            raise HarnessError("".join(self.complaints)[-2000:])

    def _read_complaints(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stderr
        self.complaints.extend(line.decode(errors="replace") for line in process.stderr)


def _lines(process: "subprocess.Popen[bytes]") -> Iterator[dict[str, Any]]:
    assert process.stdout
    while True:
        watchdog = threading.Timer(_STUCK_SECONDS, process.kill)
        watchdog.start()
        line = process.stdout.readline()
        watchdog.cancel()
        if not line:
            process.wait()
            return
        yield json.loads(line)
