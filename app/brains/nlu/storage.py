"""File of a trained model: a header in JSON and arrays, compressed; checked in every part before it is used.

`BBNLU1` and a newline, the size of the header and of the arrays unpacked (8 bytes each, little endian), then a zlib
stream: the header in UTF-8, after it the arrays one behind the other, in the header's order. There is no pickle in it,
and nothing of it is run. `docs/intents.md` lists the header's fields.
"""

import json
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from app.brains.nlu.calibration import SMALLEST_SPREAD, Calibration, Scale
from app.brains.nlu.digest import compute_digest
from app.brains.nlu.encoder import DIMENSIONS
from app.brains.nlu.features import Vocabulary
from app.brains.nlu.normalise import VERSION
from app.brains.nlu.trained_model import EncoderPart, Model
from app.brains.nlu.training.training_set import ALGORITHM

MAX_BYTES: Final = 64 * 1024 * 1024  # compressed
_MAX_UNPACKED: Final = 256 * 1024 * 1024
_MAGIC: Final = b"BBNLU1\n"
_SIZES: Final = struct.Struct("<QQ")
_TYPES: Final = {"<f2": 2, "<f4": 4}
_LEVEL: Final = 6
_LARGEST: Final = 1e6  # of any number: what is computed of such ones stays finite


class UnreadableModel(ValueError):
    """Bytes that are no model of this program; the message says what is wrong with them."""


def dump_model(model: Model) -> bytes:
    """Return a model as bytes; equal models give equal bytes."""
    names = sorted(model.vocabulary.places, key=model.vocabulary.places.__getitem__)
    arrays = {"weights": model.weights, "rarity": np.asarray(model.vocabulary.weights, np.float32)}
    encoder = model.encoder
    if encoder:
        arrays |= {"encoder_weights": encoder.weights, "encoder_examples": encoder.examples}
    header = {
        "algorithm": ALGORITHM,
        "normaliser": VERSION,
        "intents": model.intents,
        "vocabulary": names,
        "unknown": model.vocabulary.unknown_weight,
        "calibrations": [_dump_calibration(each) for each in model.calibrations],
        "encoder": [encoder.name, encoder.digest] if encoder else None,
        "arrays": [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()],
    }
    head = json.dumps(header, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()
    body = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays.values())
    return _MAGIC + _SIZES.pack(len(head), len(body)) + zlib.compress(head + body, _LEVEL)


def load_model(data: bytes, digest: str | None = None) -> Model:
    """Read a model; raises UnreadableModel, also when the bytes have not the SHA-256 (hex) `digest`."""
    if len(data) > MAX_BYTES:
        raise UnreadableModel("the model is too large")
    if digest is not None and compute_digest(data) != digest:
        raise UnreadableModel("the model was changed since it was stored")
    try:
        return _build_model(*_unpack(data))
    except UnreadableModel:
        raise
    except (
        KeyError,
        TypeError,
        ValueError,
        IndexError,
        OverflowError,
        AttributeError,
        RecursionError,
    ) as error:
        raise UnreadableModel(
            f"the model has a part that is not as it must be: {str(error)[:200]}"
        ) from error


def _unpack(data: bytes) -> tuple[Mapping[str, Any], dict[str, Any]]:
    start = len(_MAGIC) + _SIZES.size
    if not data.startswith(_MAGIC) or len(data) < start:
        raise UnreadableModel("this is no model")
    head_size, body_size = _SIZES.unpack(data[len(_MAGIC) : start])
    if head_size + body_size > _MAX_UNPACKED:
        raise UnreadableModel("the model is too large")
    opener = zlib.decompressobj()
    try:
        whole = opener.decompress(data[start:], head_size + body_size + 1)
    except zlib.error as error:
        raise UnreadableModel("the model is damaged") from error
    if len(whole) != head_size + body_size or not opener.eof or opener.unused_data:
        raise UnreadableModel("the model has not the size it states")
    header = json.loads(whole[:head_size])
    return header, _read_arrays(header["arrays"], memoryview(whole)[head_size:])


def _read_arrays(listed: Sequence[Any], body: memoryview) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    at = 0
    for name, kind, shape in listed:
        if kind not in _TYPES or not all(type(size) is int and 0 <= size < 2**31 for size in shape):
            raise UnreadableModel("the model has an array of another kind")
        size = _TYPES[kind] * math.prod(shape)
        if at + size > len(body):
            raise UnreadableModel("an array of the model is cut off")
        array = np.frombuffer(body[at : at + size], dtype=kind).reshape(shape)
        if not np.isfinite(array).all() or float(np.abs(array).max(initial=0.0)) > _LARGEST:
            raise UnreadableModel("the model has a number that is none")
        arrays[str(name)] = array
        at += size
    if at != len(body):
        raise UnreadableModel("the model has more than it states")
    return arrays


def _build_model(header: Mapping[str, Any], arrays: Mapping[str, Any]) -> Model:
    if (header["algorithm"], header["normaliser"]) != (ALGORITHM, VERSION):
        raise UnreadableModel("the model was trained by another release; train it again")
    intents, names = header["intents"], header["vocabulary"]
    weights, rarity = arrays["weights"], arrays["rarity"]
    classes = len(intents) + 1
    is_fine = (
        all(isinstance(each, str) for each in (*intents, *names))
        and len(set(names)) == len(names)
        and all(name[:1] in {"w", "p"} for name in names)
        and weights.shape == (len(names), classes)
        and rarity.shape == (len(names),)
        and abs(float(header["unknown"])) <= _LARGEST
    )
    if not is_fine or not intents:
        raise UnreadableModel("the parts of the model do not belong together")
    vocabulary = Vocabulary(
        {name: place for place, name in enumerate(names)}, rarity.tolist(), float(header["unknown"])
    )
    encoder = _build_encoder(header["encoder"], arrays, classes)
    calibrations = [_load_calibration(each, 1 + at) for at, each in enumerate(header["calibrations"])]
    if len(calibrations) != (2 if encoder else 1):
        raise UnreadableModel("the parts of the model do not belong together")
    return Model(intents, vocabulary, weights, calibrations, encoder)


def _build_encoder(named: Any, arrays: Mapping[str, Any], classes: int) -> EncoderPart | None:
    if named is None:
        return None
    weights, examples = arrays["encoder_weights"], arrays["encoder_examples"]
    if weights.shape != (DIMENSIONS, classes) or examples.shape[1:] != (DIMENSIONS,) or not len(examples):
        raise UnreadableModel("the parts of the model do not belong together")
    name, digest = named
    return EncoderPart(str(name), str(digest), weights, examples)


def _dump_calibration(calibration: Calibration) -> dict[str, Any]:
    scales = [*calibration.scales, calibration.score_scale, calibration.near_scale]
    return {
        "scales": [[each.mean, each.spread] if each else None for each in scales],
        "confidence": list(calibration.confidence),
        "threshold": calibration.threshold,
    }


def _load_calibration(data: Mapping[str, Any], parts: int) -> Calibration:
    *scales, score, near = [
        None if each is None else Scale(*_read_numbers(each, 2)) for each in data["scales"]
    ]
    by_score, by_lead, constant = _read_numbers(data["confidence"], 3)
    (threshold,) = _read_numbers([data["threshold"]], 1)
    if len(scales) != parts or None in scales or score is None:
        raise UnreadableModel("the model has a scale too many or too few")
    if any(each.spread < SMALLEST_SPREAD for each in (*scales, score, near) if each):
        raise UnreadableModel("the model has a scale without a spread")
    kept = tuple(each for each in scales if each is not None)
    return Calibration(kept, score, near, (by_score, by_lead, constant), threshold)


def _read_numbers(given: Sequence[Any], count: int) -> list[float]:
    numbers = [float(each) for each in given]
    if len(numbers) != count or not all(abs(each) <= _LARGEST for each in numbers):
        raise UnreadableModel("the model has a number that is none")
    return numbers
