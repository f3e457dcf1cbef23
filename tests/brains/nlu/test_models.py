"""Models are read once and bounded in number; training the same again costs nothing; numpy comes with a model only."""

import subprocess
import sys
from contextlib import closing

import pytest

from app.brains.nlu.digest import compute_digest
from app.brains.nlu.encoder import ENCODERS, Encoder
from app.brains.nlu.models import ModelCache
from app.brains.nlu.storage import dump_model
from app.brains.nlu.training.trainer import NamedEncoder, Trained, train
from app.brains.nlu.training.training_set import TrainingSet
from tests.brains.nlu.test_encoder import NAME, needs_encoder


def test_a_model_is_read_once(trained: Trained):
    body, reads = dump_model(trained.model), []
    cache = ModelCache()

    def read() -> bytes:
        reads.append(1)
        return body

    first = cache.load(compute_digest(body), read)
    assert cache.load(compute_digest(body), read) is first
    assert reads == [1]


def test_models_unused_longest_are_dropped():
    bodies = [dump_model(train(TrainingSet({"a": ["one", "two", each]}), None).model) for each in ("x", "y")]
    cache = ModelCache(1)
    kept = [cache.load(compute_digest(body), lambda body=body: body) for body in bodies]
    assert cache.load(compute_digest(bodies[1]), lambda: b"") is kept[1]
    assert cache.load(compute_digest(bodies[0]), lambda: bodies[0]) is not kept[0]


def test_what_was_trained_is_not_trained_again(wanted: TrainingSet):
    cache = ModelCache()
    assert cache.train(wanted) is cache.train(wanted)


def test_a_model_that_lacks_its_encoder_is_trained_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(ENCODERS, "of-this-process", "json")  # the process that trains does not know it
    cache, wanted = ModelCache(), TrainingSet({"a": ["one", "two"]}, "of-this-process")
    assert cache.train(wanted) is not cache.train(wanted)


def test_numpy_is_not_loaded_without_a_model():
    code = (
        "import sys, app.bot.worker.worker, app.admin, app.services\n"
        "from app.brains.document.gallery import build_demo_document\n"
        "from app.brains.runtime.program import compile_program\n"
        "from app.brains.runtime.selection.command_choice import choose\n"
        "from app.brains.triggers.contract import build_text_turn\n"
        "choose(compile_program(1, 1, build_demo_document()), build_text_turn('where is it'))\n"
        "print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@needs_encoder
def test_only_an_encoder_that_runs_is_lent(wanted: TrainingSet):
    cache = ModelCache()
    assert cache.find_encode(NAME) is None
    with closing(Encoder(NAME)) as encoder:
        assert encoder.start()
        trained = train(wanted, NamedEncoder(NAME, encoder.digest, encoder.encode))
    body = dump_model(trained.model)
    loaded = cache.load(compute_digest(body), lambda: body)
    assert cache.find_encode(NAME) is None
    assert loaded.encoder
    with closing(loaded.encoder):
        assert loaded.encoder.start()
        encode = cache.find_encode(NAME)
        assert encode
        assert encode(["where is my order"]).shape[0] == 1
    assert cache.find_encode(NAME) is None
