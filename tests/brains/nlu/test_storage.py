"""The file of a model: equal bytes for equal models, and whatever else comes is refused without harm."""

import json
import random
import struct
import zlib

import numpy as np
import pytest

from app.brains.nlu.calibration import Calibration, Scale
from app.brains.nlu.digest import compute_digest
from app.brains.nlu.encoder import DIMENSIONS
from app.brains.nlu.storage import UnreadableModel, dump_model, load_model
from app.brains.nlu.trained_model import EncoderPart, Model
from app.brains.nlu.training.trainer import Trained

HEAD = len(b"BBNLU1\n") + 16


@pytest.fixture(scope="module")
def body(trained: Trained) -> bytes:
    return dump_model(trained.model)


def repack(body: bytes, change) -> bytes:
    """Return a model whose header was changed."""
    head_size, body_size = struct.unpack("<QQ", body[7:HEAD])
    whole = zlib.decompress(body[HEAD:])
    header = json.loads(whole[:head_size])
    change(header)
    head = json.dumps(header).encode()
    return body[:7] + struct.pack("<QQ", len(head), body_size) + zlib.compress(head + whole[head_size:])


def test_a_model_comes_back_as_it_was(trained: Trained, body: bytes):
    again = load_model(body, compute_digest(body))
    assert dump_model(again) == body
    for text in ("where is my order", "open on monday?", "nothing of it"):
        assert again.guess(text) == trained.model.guess(text)
    assert len(body) < 150_000


def test_a_changed_model_is_refused(body: bytes):
    with pytest.raises(UnreadableModel, match="changed"):
        load_model(body + b"x", compute_digest(body))


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.update(algorithm=99),
        lambda header: header.update(intents=[]),
        lambda header: header.update(intents=["a"]),
        lambda header: header["intents"].append("more"),
        lambda header: header.update(vocabulary=header["vocabulary"][:-1]),
        lambda header: header.update(vocabulary=["wsame"] * len(header["vocabulary"])),
        lambda header: header.update(vocabulary=[1] * len(header["vocabulary"])),
        lambda header: header.update(arrays=[["weights", "|O", [2, 2]]]),
        lambda header: header.update(arrays=[["weights", "<f4", [2**40, 2**40]]]),
        lambda header: header.update(arrays=[["weights", "<f4", [-1]]]),
        lambda header: header.update(arrays=[]),
        lambda header: header.update(calibrations=[]),
        lambda header: header["calibrations"][0].update(threshold="x"),
        lambda header: header["calibrations"][0].update(confidence=[1, 2]),
        lambda header: header["calibrations"][0].update(scales=[]),
        lambda header: header["calibrations"][0].update(scales=[[0, 0], [0, 1], None]),
        lambda header: header["calibrations"][0].update(scales=[[0, 1], [0, -1], None]),
        lambda header: header["calibrations"][0].update(confidence=[1e300, 1e300, -1e300]),
        lambda header: header.update(unknown=1e300),
        lambda header: header.update(encoder=["use", "digest"]),
        lambda header: header.update(unknown=None),
        lambda header: header.clear(),
    ],
)
def test_a_header_that_does_not_fit_is_refused(body: bytes, change):
    with pytest.raises(UnreadableModel):
        load_model(repack(body, change))


@pytest.mark.parametrize(("rows", "dimensions"), [(0, DIMENSIONS), (2, 3)])
def test_vectors_of_another_size_than_the_encoder_s_are_refused(trained: Trained, rows: int, dimensions: int):
    model, scale = trained.model, Scale(0.0, 1.0)
    classes = len(model.intents) + 1
    arrays = np.zeros((dimensions, classes), np.float16), np.zeros((rows, dimensions), np.float16)
    joint = Calibration((scale, scale), scale, scale, (1.0, 1.0, 0.0), 0.5)
    made = Model(
        model.intents,
        model.vocabulary,
        model.weights,
        [*model.calibrations, joint],
        EncoderPart("use", "0" * 64, *arrays),
    )
    with pytest.raises(UnreadableModel, match="belong together"):
        load_model(dump_model(made))


def test_a_bomb_is_refused_before_it_grows():
    bomb = b"BBNLU1\n" + struct.pack("<QQ", 100, 100) + zlib.compress(b"\0" * 50_000_000)
    with pytest.raises(UnreadableModel):
        load_model(bomb)
    with pytest.raises(UnreadableModel, match="too large"):
        load_model(b"BBNLU1\n" + struct.pack("<QQ", 2**62, 2**62))


def test_damaged_bytes_are_refused(body: bytes):
    chance = random.Random(3)
    for _ in range(150):
        damaged = bytearray(body)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        cut = bytes(damaged[: chance.choice([len(damaged), chance.randrange(len(damaged))])])
        try:
            load_model(cut)
        except UnreadableModel:
            continue
