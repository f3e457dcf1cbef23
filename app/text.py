"""Text, JSON and whole numbers in a form that both databases can store (no NUL, no lone surrogate, 64 bits)."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any, Final

import orjson

# Deeper parts of a value become their own JSON text: recursion ends far below any interpreter's limit.
MAX_DEPTH: Final = 100
# An integer of more digits becomes a text; 256 bits have 78.
MAX_DIGITS: Final = 78
# The largest whole number a column of either database can hold.
MAX_INT64: Final = 2**63 - 1

# ASCII digits only: other scripts' digits would make two addresses of one page.
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,19}")

# Made once: `json.dumps` with separators builds an encoder for every call.
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
# Python's own encoder knows none of these; a value that holds one is a mistake.
_AS_JSON_DOES: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
# From so many digits on orjson may read an integer as a float.
_LONG_NUMBER: Final = b"0" * 19
_DIGITS_AS_ZERO: Final = bytes.maketrans(b"123456789", b"000000000")
_OUTSIDE: Final = bytes(set(range(256)) - set(b'{}[]"'))
_STEP: Final = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def to_json(value: Any) -> str:
    """Serialise compactly for a column of either database: NUL and lone surrogates are escaped.

    What JSON does not know or no database takes becomes a text: NaN, infinities, huge integers, parts too deep.
    """
    try:
        encoded = orjson.dumps(value, option=_AS_JSON_DOES)
    except TypeError:  # keys that are no texts, lone surrogates, large integers, and what is no JSON
        return to_ascii_json(value)
    # NaN and infinities are written as null.
    return to_ascii_json(value) if b"null" in encoded else encoded.decode()


def to_ascii_json(value: Any) -> str:
    """Serialise as `to_json`, with everything beyond ASCII escaped."""
    try:
        return _encode(value)
    except (ValueError, RecursionError):
        return _encode(_make_plain(value, 0))


def parse_json(body: bytes) -> Any:
    """Parse JSON into a value that Python, JavaScript and both databases can hold; raises ValueError for the rest.

    NaN, infinities, numbers beyond a double, integers of more than MAX_DIGITS digits and parts deeper than MAX_DEPTH
    become the text they were written as.
    """
    if _measure_depth(body) <= MAX_DEPTH and _LONG_NUMBER not in body.translate(_DIGITS_AS_ZERO):
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:  # also what it does not know, such as NaN and lone surrogates
            pass
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
    except UnicodeDecodeError:
        text = body.decode("utf-8", "replace")
    if _measure_depth(body) > MAX_DEPTH:
        text = "".join(_quote_deep_parts(text))
    try:
        return _decode(text)
    except RecursionError:
        raise ValueError("the JSON is nested too deep") from None


def to_storable(text: str) -> str:
    """Replace characters a text column cannot hold: NUL (PostgreSQL) and lone surrogates (UTF-8)."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode() if text else text


def to_storable_data(data: Any) -> Any:
    """Return JSON-like data with every text in it, keys too, made storable."""
    if isinstance(data, str):
        return to_storable(data)
    if isinstance(data, dict):
        return {to_storable_data(key): to_storable_data(value) for key, value in data.items()}
    return [to_storable_data(each) for each in data] if isinstance(data, list) else data


def parse_int64(text: str) -> int:
    """Return the whole number a text from outside states; raises ValueError when no column could hold it."""
    number = int(text) if _WHOLE_NUMBER.fullmatch(text.strip()) else None
    if number is None or not -MAX_INT64 - 1 <= number <= MAX_INT64:
        raise ValueError("not a whole number of 64 bits")
    return number


def parse_ids(texts: Iterable[str]) -> list[int]:
    """Return the ids among texts from outside; what cannot be an id is left out."""
    ids: list[int] = []
    for text in texts:
        try:
            number = parse_int64(text)
        except ValueError:
            continue
        if number > 0:
            ids.append(number)
    return ids


def parse_index(text: str) -> int | None:
    """Return the place in a list that a text from outside states, from 0; None when it states none."""
    try:
        number = parse_int64(text)
    except ValueError:
        return None
    return number if number >= 0 else None


def _read_float(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _read_int(text: str) -> int | str:
    return int(text) if len(text) <= MAX_DIGITS else text


_decode = json.JSONDecoder(
    strict=False, parse_float=_read_float, parse_int=_read_int, parse_constant=str
).decode


def _measure_depth(body: bytes) -> int:
    """Return how deep a text in JSON is nested, or something smaller for one that is not deep."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return 0
    bare = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _OUTSIDE)
    structure = b"".join(bare.split(b'"')[::2])
    return max(accumulate(map(_STEP.__getitem__, structure)), default=0)


def _quote_deep_parts(text: str) -> Iterator[str]:
    """Yield a text in JSON with every part that is nested too deep as a string."""
    depth = done = begin = 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in {"{", "["}:
            depth += 1
            if depth == MAX_DEPTH + 1:
                begin = token.start()
        elif sign in {"}", "]"}:
            depth -= 1
            if depth == MAX_DEPTH:
                yield text[done:begin]
                yield _encode(text[begin : token.end()])
                done = token.end()
    yield text[done:]


def _make_plain(value: Any, depth: int) -> Any:
    """Return a value with a text in place of what cannot be stored."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return hex(value)
    if not isinstance(value, (dict, list, tuple)):
        return value
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        return {
            str(key) if isinstance(key, float) else key: _make_plain(item, depth + 1)
            for key, item in value.items()
        }
    return [_make_plain(item, depth + 1) for item in value]
