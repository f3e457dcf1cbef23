"""Peers of the benchmark: other bots that do its work, with what a rig reads of a product."""

import shutil
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self

from bench.processes import Part, StartError, end, family, free_port, survivors
from bench.product import ROOT
from bench.services import PLAIN_ENV

_READY_S = 30


class PeerKind(StrEnum):
    """Which bot; `bench/peer_bots` has them."""

    PYWA_FLASK = "pywa-flask"  # gunicorn, 2 processes of 8 threads
    FLOOR = "floor"  # keeps a message before it answers, and nothing else


@dataclass(slots=True)
class Peer:
    """One running bot; a context manager that leaves no process and no file behind."""

    layout: PeerKind
    graph_url: str
    port: int = field(default_factory=free_port)
    parts: dict[str, Part] = field(default_factory=dict, init=False)
    _folder: Path = field(init=False)

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="brainbox-bench-"))
        env = {
            **PLAIN_ENV,
            "GRAPH_BASE_URL": self.graph_url,
            "PORT": str(self.port),
            "BRAINBOX_DATA": str(self._folder),
            "PYTHONPATH": str(ROOT),
        }
        self.parts["web"] = Part("web", self._command, env, ROOT, self._folder / "web.log")
        return self

    def __exit__(self, *_: object) -> None:
        part = self.parts["web"]
        members = family([part.pid] if part.pid else [])
        part.kill()
        end(survivors(members))
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _command(self) -> list[str]:
        if self.layout is PeerKind.FLOOR:
            return [sys.executable, "-m", "bench.peer_bots.floor"]
        # As many processes and threads as the study of peers found quickest on two cores.
        size = ["--workers", "2", "--threads", "8", "--bind", f"127.0.0.1:{self.port}"]
        return [sys.executable, "-m", "gunicorn", *size, "bench.peer_bots.pywa_flask:app"]

    @property
    def own_pids(self) -> list[int]:
        """Leaders of the bot's processes."""
        return [part.pid for part in self.parts.values() if part.alive]

    def start(self) -> None:
        """Start the bot and wait until it answers; raises StartError."""
        part = self.parts["web"]
        part.start()
        deadline = time.monotonic() + _READY_S
        while not self._is_ready():
            if not part.alive or time.monotonic() > deadline:
                raise StartError(f"{self.layout} is not ready:\n{part.log_end()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False
