"""Facts about a source, collected without a run and bounded to fit a packet."""

import json
from typing import Any, Final

from .. import limits  # noqa: TID252  the package has another name in the child

UNKNOWN: Final = -1  # a number that only a run would tell

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


# Methods of Python's texts that no value has here: formatting walks attributes, the others leave plain data.
REFUSED_METHODS: Final = frozenset({"format", "format_map", "encode", "expandtabs", "translate"})
# In templates nothing pads, either.
REFUSED_IN_TEMPLATES: Final = REFUSED_METHODS | {"center", "ljust", "rjust", "zfill"}


class Facts:
    """Facts of one source: lists of kind, texts, line, columns (from 1), a number and a flag."""

    def __init__(self) -> None:
        self.found: list[list[Any]] = []
        self._bytes = 0

    def add(
        self,
        kind: str,
        texts: tuple[str, ...] = (),
        place: tuple[int, int | None, int | None] = (1, None, None),
        number: int = UNKNOWN,
        *,
        flag: bool = False,
    ) -> None:
        """Add a fact; beyond the limit only the marker that there are more."""
        if self._bytes > limits.FACTS_BYTES:
            return
        cut = [text[: limits.FACT_CHARS] for text in texts[: limits.FACT_TEXTS]]
        fact = [kind, cut, *place, number, flag]
        self._bytes += len(_encode(fact)) + 1
        if self._bytes > limits.FACTS_BYTES:
            fact = ["more", [], 1, None, None, UNKNOWN, False]
        self.found.append(fact)
