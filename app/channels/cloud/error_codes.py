"""WhatsApp error codes with causes and texts, loaded from error_codes.toml (specs: whatsapp A13)."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from app.channels.contract import RefusalClass, RefusalReason
from app.channels.error_catalog import CauseScope, ErrorCatalog, ErrorCause
from app.immutable import immutable

_DATA: Final[Mapping[str, Mapping[str, Any]]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
)


@immutable
class ErrorCode:
    """One code: its refusal class, and what helps in plain words; `cause` is an id of the catalogue."""

    cause: str
    refusal_class: RefusalClass
    sentence: str
    # The least time to wait where the meaning of a code implies one.
    min_wait_s: float = 0.0
    # Fewer tries than usual: another one would end the same way.
    max_attempts: int | None = None
    reason: RefusalReason | None = None


def _build_code(cause: str, entry: Mapping[str, Any]) -> ErrorCode:
    reason = entry.get("reason")
    return ErrorCode(
        cause,
        RefusalClass(entry["class"]),
        entry["sentence"],
        float(entry.get("min_wait_s", 0)),
        entry.get("max_attempts"),
        RefusalReason(reason) if reason else None,
    )


def _iterate_codes() -> Iterator[tuple[range, ErrorCode]]:
    for cause, section in _DATA.items():
        for name, entry in section.get("codes", {}).items():
            first, _, last = name.partition("-")
            yield range(int(first), int(last or first) + 1), _build_code(cause, entry)


def _build_catalog() -> ErrorCatalog:
    local = [(name, cause) for cause, section in _DATA.items() for name in section.get("local", ())]
    return ErrorCatalog(
        causes=[_build_cause(cause, section) for cause, section in _DATA.items() if "title" in section],
        by_code={
            **{str(number): code.cause for number, code in CODES.items()},
            **{name: cause for name, cause in local if not name.endswith("*")},
        },
        by_range=[(family, code.cause) for family, code in RANGES],
        by_prefix={name[:-1]: cause for name, cause in local if name.endswith("*")},
    )


def _build_cause(cause: str, section: Mapping[str, Any]) -> ErrorCause:
    fields = {name: value for name, value in section.items() if name not in {"codes", "local", "scope"}}
    return ErrorCause(id=cause, scope=CauseScope(section["scope"]), **fields)


CODES: Final[Mapping[int, ErrorCode]] = {
    family[0]: code for family, code in _iterate_codes() if len(family) == 1
}
# Families that are listed as one: from the first code to the last.
RANGES: Final = tuple((family, code) for family, code in _iterate_codes() if len(family) > 1)
CATALOG: Final = _build_catalog()

MISSING_OBJECT: Final = (100, 33)
MISSING_OBJECT_HELP: Final = (
    "Meta does not know this id, or the token may not use it: check the id and the token."
)
