"""Judges what came out of a sandbox, by rules that share nothing with the code they judge."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MARK = "PWNED:"
STATE_MARK = "PWNED:STATE"
ALLOWED_HOST = "api.allowed.test"
_NUMBER = re.compile(r"\d+")
_ADDRESS = re.compile(r"\Ahttps://api\.allowed\.test(?::443)?(?:[/?][!-~]*)?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one attack: `reasons` for calling it an escape, and how the operator was told."""

    id: str
    reasons: tuple[str, ...]
    ending: str  # done, or the kind of the fault
    line: int | None = None
    probe: str = ""
    millis: int = 0

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Verdict":
        """Read a verdict that was written as JSON."""
        return cls(**{**fields, "reasons": tuple(fields["reasons"])})

    @property
    def only_slow(self) -> bool:
        """Whether nothing but time speaks for an escape: on a busy machine that must be looked at again."""
        return bool(self.reasons) and all(reason.startswith(("slow", "logged")) for reason in self.reasons)


def texts(value: Any) -> Iterator[str]:
    """Walk through everything inside a value and yield it as texts, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes | bytearray):
        yield value.decode("latin-1")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from texts(item)
    elif value is not None:
        yield str(value)


class Secret:
    """A random value that nobody inside a sandbox may come to know, and the disguises it could leave in."""

    def __init__(self, value: str) -> None:
        self.value = value
        plain = value.encode()
        encoded = [base64.b64encode(b"\0" * shift + plain).decode() for shift in range(3)]
        # Without what depends on the neighbours: two characters before, and the last, incomplete group.
        inner = [encoded[0][:-4], encoded[1][2:-4], encoded[2][3:-4]]
        self._forms = [value, value[::-1], plain.hex(), plain[::-1].hex(), *inner]
        self._points = [list(plain), list(plain[::-1])]

    def is_in(self, words: Iterable[str]) -> bool:
        """Tell whether the value is in these texts: plain, reversed, in hex, base64, code points, or in pieces."""
        said = list(words)
        whole = "\n".join(said)
        squeezed = re.sub(r"[^0-9A-Za-z+/=]", "", whole)
        if any(form.lower() in text for text in (whole.lower(), squeezed.lower()) for form in self._forms):
            return True
        # `int` takes no more digits than this.
        numbers = [int(found) for found in _NUMBER.findall(whole) if len(found) < 10]
        return any(_contains(numbers, points) for points in self._points)


def _contains(numbers: list[int], wanted: list[int]) -> bool:
    text, needle = (",".join(map(str, listed)) for listed in (numbers, wanted))
    return f",{needle}," in f",{text},"


def is_foreign(url: str, headers: Iterable[tuple[str, str]] = ()) -> bool:
    """Tell whether a request that reached the network was for anybody but the one allowed host."""
    named = [value for name, value in headers if name.lower() == "host"]
    broken = any(re.search(r"[\r\n]", name + value) for name, value in headers)
    return (
        broken
        or not _ADDRESS.match(url)
        or any(value not in {ALLOWED_HOST, f"{ALLOWED_HOST}:443"} for value in named)
    )
