"""The product under test, in one of its layouts: set up by its own commands, in a data folder of its own."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from bench.processes import Part, StartError, end, family, free_port, survivors
from bench.services import PLAIN_ENV, postgres, redis, start_service

ROOT = Path(__file__).resolve().parent.parent
WEBHOOK = "/webhooks/whatsapp"


class Layout(StrEnum):
    """Which processes and which database (DESIGN section 5)."""

    EMBEDDED = "embedded"  # one process, SQLite
    SPLIT = "split"  # web + worker, SQLite and Redis
    PRODUCTION = "production"  # web + worker, PostgreSQL and Redis


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the one connection of a test installation is set up with."""

    phone_id: str = "106540352242922"
    token: str = "bench-token"
    app_secret: str = "bench-app-secret"
    verify_token: str = "bench-verify"


SECRETS = Secrets()


@dataclass(slots=True)
class Product:
    """One installation; a context manager that leaves no process and no file behind."""

    layout: Layout
    graph_url: str
    brain: Path = ROOT / "bench" / "brains" / "echo.yaml"
    extra_env: Mapping[str, str] = field(default_factory=dict)
    keep: bool = False
    port: int = field(default_factory=free_port)
    folder: Path = field(init=False)
    env: dict[str, str] = field(init=False)
    parts: dict[str, Part] = field(default_factory=dict, init=False)
    _services: dict[str, str] = field(default_factory=dict, init=False)

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="brainbox-bench-"))
        # The server's own user must reach its folder below.
        self.folder.chmod(0o711)
        try:
            self._prepare()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        pids = [part.pid for part in self.parts.values() if part.pid]
        members = family(pids)
        for part in self.parts.values():
            part.kill()
        # Whoever left the process group, such as a sandbox in a session of its own, must not stay either.
        end(survivors(members))
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _prepare(self) -> None:
        (self.folder / "data").mkdir()
        self.env = {
            **PLAIN_ENV,
            "BRAINBOX_DATA": str(self.folder / "data"),
            "SECRET_KEY": "bench-secret-key-of-no-value",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "GRAPH_BASE_URL": self.graph_url,
            "MEDIA_HOSTS": "127.0.0.1",
            "LOG_LEVEL": "warning",
            **self.extra_env,
        }
        self._start_services()
        self.flask("db", "upgrade")
        self._set_up()
        self._add("web", "wsgi.py")
        if self.layout is not Layout.EMBEDDED:
            self._add("worker", "huey_tasks.py")

    def _start_services(self) -> None:
        if self.layout is Layout.PRODUCTION:
            self.parts["postgres"], self.env["DATABASE_URL"] = postgres(self.folder)
            start_service(self.parts["postgres"], self.env["DATABASE_URL"])
        if self.layout is not Layout.EMBEDDED:
            self.parts["redis"], self.env["REDIS_URL"] = redis(self.folder)
            start_service(self.parts["redis"], self.env["REDIS_URL"])

    def _set_up(self) -> None:
        self.flask("init", "--email", "bench@example.com", "--password-stdin", typed="bench password 1\n")
        self.flask("brain", "import", str(self.brain), "--publish")
        self.flask(
            *("connection", "add", "--channel", "cloud", "--name", "Bench", "--brain", "echo"),
            *("--phone-number-id", SECRETS.phone_id, "--access-token", SECRETS.token),
            *("--app-secret", SECRETS.app_secret, "--verify-token", SECRETS.verify_token),
            # The load talks as no person does.
            *("--messages-per-second", "0", "--pair-burst", "0", "--no-loop-guard"),
        )

    def _add(self, name: str, script: str) -> None:
        env = {**self.env, "WORKER_NAME": f"bench-{name}"}
        self.parts[name] = Part(name, [sys.executable, script], env, ROOT, self.folder / f"{name}.log")

    @property
    def own_pids(self) -> list[int]:
        """Leaders of the product's own processes, without database and Redis."""
        return [part.pid for name, part in self.parts.items() if name in ("web", "worker") and part.alive]

    def start(self) -> float:
        """Start web and worker: seconds until the web was ready; raises StartError."""
        began = time.monotonic()
        for name in ("web", "worker"):
            if name in self.parts:
                self.parts[name].start()
        self.wait_ready()
        return time.monotonic() - began

    def wait_ready(self, timeout: float = 60) -> None:
        """Wait until /readyz answers 200; raises StartError."""
        deadline = time.monotonic() + timeout
        while not self._ready():
            ended = [part for part in self.parts.values() if not part.alive]
            if ended or time.monotonic() > deadline:
                logs = "\n".join(f"--- {name}\n{part.log_end()}" for name, part in self.parts.items())
                raise StartError(f"The product is not ready ({len(ended)} processes ended):\n{logs}")
            time.sleep(0.05)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            # Refused, reset, or an HTTP status that says no.
            return False

    def flask(self, *arguments: str, typed: str = "") -> str:
        """Run one of the product's commands and return what it prints; raises StartError when it fails."""
        command: Sequence[str] = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
        ran = subprocess.run(
            command,
            env=self.env,
            cwd=ROOT,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if ran.returncode:
            raise StartError(f"flask {' '.join(arguments[:2])} failed:\n{(ran.stdout + ran.stderr)[-4000:]}")
        return ran.stdout

    def stats(self) -> dict[str, Any]:
        """Return what `flask stats --json` tells."""
        printed = self.flask("stats", "--json")
        return json.loads(printed[printed.index("{") :])

    def stop(self) -> dict[str, float | None]:
        """Stop web and worker as a supervisor does: seconds each took, None for one that had to be killed."""
        return {name: self.parts[name].stop(30) for name in ("web", "worker") if name in self.parts}
