"""Training process: reads a training set on standard input, writes progress, report and model; with limits of its own.

Frames as those of the encoder process: JSON of `progress` (0 to 1) or `error`, at last of `report`, then the model.
"""

import json
import resource
import sys

from app.brains import limits
from app.brains.nlu.encoder import Encoder, is_installed
from app.brains.nlu.encoder_child import read, write
from app.brains.nlu.training.training_set import TrainingSet


def run_training() -> None:
    """Train once."""
    memory, seconds = limits.TRAINING_MEMORY_BYTES, int(limits.TRAINING_SECONDS)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sink = sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no frame
    body = read(sys.stdin.buffer)
    if body is None:
        return
    # After the limits are set.
    from app.brains.nlu.storage import dump_model  # noqa: PLC0415
    from app.brains.nlu.training.evaluation import build_report  # noqa: PLC0415
    from app.brains.nlu.training.trainer import NamedEncoder, UntrainableSet, train  # noqa: PLC0415

    wanted = TrainingSet.from_json(json.loads(body))
    encoder = Encoder(wanted.encoder) if is_installed(wanted.encoder) else None

    def tell(share: float) -> None:
        write(sink, json.dumps({"progress": round(share, 3)}).encode())

    named = None
    if encoder and encoder.start():
        named = NamedEncoder(
            encoder.name, encoder.digest, lambda texts: encoder.encode(texts, limits.TRAINING_SECONDS)
        )
    try:
        trained = train(wanted, named, tell)
    except UntrainableSet as error:
        write(sink, json.dumps({"error": str(error)}).encode())
        return
    finally:
        if encoder:
            encoder.close()
    write(sink, json.dumps({"report": build_report(trained)}).encode())
    write(sink, dump_model(trained.model))


if __name__ == "__main__":
    run_training()
