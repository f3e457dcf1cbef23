"""Parser of the facts a child reports about a source (untrusted)."""

from typing import Any, Final

from app.brains import limits
from app.immutable import immutable
from app.text import to_storable

_FIELDS: Final = 7
_NUMBER_MOST: Final = 2**53


@immutable
class Fact:
    """Fact about a script or template: `kind`, `texts`, columns from 1, a number and a flag.

    Kinds: use, alias and get (a path from ctx, or a template's variable; `flag`: may be missing), nobody (a name
    without a value), shown (an argument that becomes part of a text, and that no condition names), call and schedule
    (a command, then the arguments; `number`: seconds, `flag`: perhaps), ai (a prompt), http (how the address begins;
    `flag`: that is all of it), reply (`number`: characters at least, `flag`: beside buttons), buttons and rows
    (`number` of them), button, row, description, section, list-button, header, footer and caption (`number` of
    characters), press and pick (id and title of a button or row), static (the text of every rendering), refused (a
    method that no value has), more (facts were left out).
    """

    kind: str
    texts: tuple[str, ...] = ()
    line: int | None = None
    column: int | None = None
    end_column: int | None = None
    number: int = -1
    flag: bool = False


def read_facts(value: Any) -> tuple[Fact, ...]:
    """Parse the facts of a compilation; invalid ones are dropped."""
    listed = value[: limits.FACTS_BYTES // _FIELDS] if type(value) is list else []
    return tuple(fact for entry in listed if (fact := _parse_fact(entry)) is not None)


def _parse_fact(entry: Any) -> Fact | None:
    if type(entry) is not list or len(entry) != _FIELDS:
        return None
    kind, texts, line, column, end_column, number, flag = entry
    if type(kind) is not str or type(texts) is not list or any(type(text) is not str for text in texts):
        return None
    return Fact(
        kind[: limits.FACT_CHARS],
        tuple(to_storable(text[: limits.FACT_CHARS]) for text in texts[: limits.FACT_TEXTS]),
        _parse_position(line),
        _parse_position(column),
        _parse_position(end_column),
        number if type(number) is int and -1 <= number <= _NUMBER_MOST else -1,
        flag is True,
    )


def _parse_position(value: Any) -> int | None:
    return value if type(value) is int and 1 <= value <= limits.TEMPLATE_CHARS else None
