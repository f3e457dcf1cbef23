"""Says what went wrong and how to mend it, to somebody who has not studied programming; the report may be hostile."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.brains import limits
from app.brains.sandbox import phrases
from app.brains.sandbox.error_phrases import ERRORS
from app.brains.sandbox.phrases import Phrase
from app.brains.sandbox.syntax_phrases import SCRIPT_SYNTAX, TEMPLATE_SYNTAX

_NAME_CHARS: Final = 60
_KNOWN: Final = 160
_LISTED: Final = 12
_CLOSE: Final = 0.6
_SECONDS: Final = f"{limits.SOFT_SECONDS * 1000:.0f} ms"
_MEGABYTES: Final = f"{limits.MEMORY_BYTES // 2**20} MB"

Advice = tuple[str, str]


def advise(report: Mapping[str, Any], _source: str, language: str) -> Advice:
    """Return what happened and how to mend it, each a plain sentence or two."""
    kind, name, message = (_text(report.get(field), limits.ERROR_CHARS) for field in ("kind", "type", "msg"))
    return (
        _fixed(kind, name, language)
        or _by_kind(kind, message, report, language)
        or _of_error(name, message, report)
    )


def _text(value: Any, most: int) -> str:
    return value[:most] if type(value) is str else ""


def _fixed(kind: str, name: str, language: str) -> Advice | None:
    """Answer what needs no look at the text."""
    what = "script" if language == "script" else "template"
    if kind == "time":
        return (
            f"The {what} ran longer than {_SECONDS} and was stopped at this line.",
            "Look for a loop that does not end, or do less in one run.",
        )
    if kind == "memory":
        return (
            f"The {what} wanted more than {_MEGABYTES} of memory and was stopped at this line.",
            "Look for a list or a text that grows and grows, and keep less of it.",
        )
    if name == "RecursionError":
        inside = "A function calls itself" if language == "script" else "A macro calls itself"
        return (
            f"{inside} without end, or values are nested too deeply.",
            "Make sure that it stops, and that it is not called too often within itself.",
        )
    return None


def _by_kind(kind: str, message: str, report: Mapping[str, Any], language: str) -> Advice | None:
    if kind == "rule":
        return _sentence(message), phrases.RULES.get(
            _text(report.get("code"), 30), "Write it in another way."
        )
    if kind == "limit":
        fix = phrases.RULES.get(_text(report.get("code"), 30))
        found = _said(phrases.LIMITS, "", message)
        return (_sentence(message), fix) if fix else found
    if kind == "call":
        return _said(phrases.CALLS, "", message)
    if kind == "syntax":
        table = SCRIPT_SYNTAX if language == "script" else TEMPLATE_SYNTAX
        return _said(table, "", message) or (
            "This line cannot be read.",
            "Look for a missing bracket, comma, colon or quotation mark here or in the line above.",
        )
    return None


def _of_error(name: str, message: str, report: Mapping[str, Any]) -> Advice:
    """Answer an error at run time: a name nobody knows first, then what the tables know."""
    wanted = _text(report.get("name"), _NAME_CHARS)
    if wanted:
        return _unknown(name, wanted, message, _known(report.get("known")))
    if name == "KeyError":
        return f"There is no entry {message}.", "Ask with .get(...), which gives None when there is none."
    if name == "AttributeError" and message.startswith("NoneType has no "):
        return _nothing(message.removeprefix("NoneType has no "))
    # What the script's own world says, it says with the remedy behind a semicolon.
    said, _, remedy = message.partition("; ")
    return _said(ERRORS, name, message) or (
        _sentence(said or f"This line raised {name or 'an error'}"),
        _sentence(remedy or "Look at the values of this line with ctx.log(...)"),
    )


def _known(value: Any) -> list[str]:
    listed = value[:_KNOWN] if type(value) is list else []
    return [each[:_NAME_CHARS] for each in listed if type(each) is str]


def _unknown(error: str, wanted: str, message: str, known: Sequence[str]) -> Advice:
    """Say that a name is not known, and which one may have been meant."""
    owner = message.partition(" has no ")[0] if error == "AttributeError" else ""
    if owner == "NoneType":
        return _nothing(wanted)
    if error == "KeyError":
        said = f"There is no entry “{wanted}”."
        default = f'.get("{wanted}") gives None when it is missing'
    elif error == "TypeError":
        said = f"{message.partition('()')[0]}() takes no “{wanted}”."
        default = "Check the names of what stands between the brackets"
    elif error == "ValueError":
        said, default = f"There is no command “{wanted}”.", "Check the name in the list of commands"
    elif owner:
        said = f"“{wanted}” is not known here: {_owner(owner)} has no such name."
        default = "Check how it is written"
    elif error == "UnknownNameError":
        said = f"“{wanted}” is not known here."
        default = 'Check how it is written; |default("") behind it stands in for what may be missing'
    else:
        said = f"“{wanted}” is not known here."
        default = "Check how it is written, or give it a value first"
    elsewhere = phrases.NOT_HERE.get(wanted, "") if error in {"NameError", "AttributeError"} else ""
    return said, elsewhere or suggestion(wanted, known, default)


def _owner(owner: str) -> str:
    return (
        owner
        if "." in owner or owner in {"ctx", "re", "json", "math", "random", "datetime"}
        else phrases.kind(owner)
    )


def _nothing(wanted: str) -> Advice:
    return (
        f"There is nothing here to read “{wanted[:_NAME_CHARS]}” from: the value is None.",
        "Check first that there is something: “if value:”.",
    )


def suggestion(wanted: str, known: Sequence[str], default: str) -> str:
    """Ask whether the nearest known name was meant, or say the default and list a few."""
    by_folded = {name.casefold(): name for name in reversed(known)}
    close = difflib.get_close_matches(wanted.casefold(), by_folded, n=1, cutoff=_CLOSE)
    if close:
        return f"Did you mean “{by_folded[close[0]]}”?"
    if not known or len(known) > 3 * _LISTED:
        return f"{default}."
    more = ", …" if len(known) > _LISTED else ""
    return f"{default}. There is: {', '.join(known[:_LISTED])}{more}."


def _said(table: Sequence[Phrase], name: str, message: str) -> Advice | None:
    """Find the first phrase that fits an error's type and text."""
    for phrase in table:
        if phrase.types and name not in phrase.types.split():
            continue
        found = phrase.pattern.search(message)
        if found:
            groups = _groups(found.groupdict(), found.groups())
            said = phrase.message.format(*groups, msg=message.rstrip("."))
            return _sentence(said), phrase.fix.format(*groups)
    return None


def _groups(named: Mapping[str, str | None], groups: Sequence[str | None]) -> list[str]:
    """Return what a pattern found: a type in words, its named groups; the rest as it stands, alternatives left out."""
    types = set(filter(None, named.values()))
    return [phrases.kind(each) if each in types else each for each in groups if each is not None] or [""]


def _sentence(text: str) -> str:
    """Begin with a capital letter and end with a point."""
    text = text.strip()
    # A name of the program is written as it is: f() needs more values.
    first = text[:1] if re.match(r"[\w.]+\(", text) else text[:1].upper()
    end = "" if text.endswith((".", "?", "!", "…")) else "."
    return f"{first}{text[1:]}{end}"
