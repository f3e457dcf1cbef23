"""Training in a process of its own: whatever becomes of it, this process and the model it uses go on."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from app.brains import limits
from app.brains.nlu.encoder import wait_readable
from app.brains.nlu.encoder_child import SIZE
from app.brains.nlu.training.training_set import TrainingSet
from app.immutable import immutable
from app.signals import DomainError

Progress = Callable[[float], None]  # is told the share that is done, 0 to 1

_ROOT: Final = Path(__file__).resolve().parents[4]
MODULE: Final = "app.brains.nlu.training.training_child"
_START_SECONDS: Final = 10.0  # on top of the processor's, for a busy machine
_MAX_FRAME_BYTES: Final = 67_108_864
_LOOK_SECONDS: Final = 0.2


class TrainingFailed(DomainError):
    """Training that gave no model; the message says what to do."""

    code = "training-failed"


@immutable
class TrainingResult:
    """Model as bytes (storage.dump_model) and its report (evaluation.build_report)."""

    model: bytes
    report: Mapping[str, Any]


def train_apart(
    wanted: TrainingSet,
    progress: Progress = lambda _share: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> TrainingResult:
    """Train a model in another process and wait for it; raises TrainingFailed, also when it was cancelled."""
    environment = {
        "PYTHONPATH": str(_ROOT),
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": os.defpath,
    }
    process = subprocess.Popen(  # noqa: S603  our own module, an environment of our own, no shell
        [sys.executable, "-s", "-W", "ignore", "-m", MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=_ROOT,
        start_new_session=True,
    )
    with process:
        try:
            body = json.dumps(wanted.to_json()).encode()
            if process.stdin:
                process.stdin.write(SIZE.pack(len(body)) + body)
                process.stdin.close()
            return _follow(_FrameReader(process, is_cancelled), progress)
        except (OSError, ValueError, KeyError) as error:
            raise TrainingFailed(_ENDED_EARLY) from error
        finally:
            process.kill()


class _FrameReader:
    """Reads what a training process writes, until its time is over or somebody cancels."""

    def __init__(self, process: subprocess.Popen[bytes], is_cancelled: Callable[[], bool]) -> None:
        self._output = process.stdout
        self._is_cancelled = is_cancelled
        self._ends = time.monotonic() + 2 * limits.TRAINING_SECONDS + _START_SECONDS

    def read_frame(self) -> bytes:
        """Return the next frame; raises ValueError at the end, TrainingFailed when it may take no longer."""
        (size,) = SIZE.unpack(self._read(SIZE.size))
        if size > _MAX_FRAME_BYTES:
            raise ValueError("the frame is too large")
        return self._read(size)

    def _read(self, size: int) -> bytes:
        if self._output is None:
            raise ValueError("the process has no output")
        found = bytearray()
        while len(found) < size:
            if self._is_cancelled():
                raise TrainingFailed("The training was cancelled. Nothing was changed.")
            if time.monotonic() > self._ends:
                raise TrainingFailed(_TOO_LONG)
            if not wait_readable(self._output, _LOOK_SECONDS):
                continue
            piece = os.read(self._output.fileno(), size - len(found))
            if not piece:
                raise ValueError("the process ended")
            found += piece
        return bytes(found)


_TOO_LONG: Final = (
    f"The training took longer than {limits.TRAINING_SECONDS:.0f} seconds and was stopped. "
    "Remove examples that say the same, then train again."
)


def _follow(reader: _FrameReader, progress: Progress) -> TrainingResult:
    while True:
        told = json.loads(reader.read_frame())
        if "error" in told:
            raise TrainingFailed(f"The intents could not be trained. {told['error']}")
        if "report" in told:
            return TrainingResult(reader.read_frame(), told["report"])
        progress(float(told["progress"]))


_ENDED_EARLY: Final = (
    "The intents could not be trained: the process that trains them ended early. The version that is live goes on. "
    "Try again; if it happens again, remove some examples."
)
