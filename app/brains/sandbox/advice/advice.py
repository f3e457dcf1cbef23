"""Choice of the advice for an error report: what went wrong and how to fix it; name suggestions."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.brains import limits
from app.brains.sandbox.advice import patterns
from app.brains.sandbox.advice.patterns import ErrorPattern
from app.brains.sandbox.advice.runtime_errors import ERRORS
from app.brains.sandbox.advice.syntax_errors import SCRIPT_SYNTAX, TEMPLATE_SYNTAX

_NAME_CHARS: Final = 60
_KNOWN: Final = 160
_LISTED: Final = 12
_MIN_SIMILARITY: Final = 0.6
_SECONDS: Final = f"{limits.SOFT_SECONDS * 1000:.0f} ms"
_MEGABYTES: Final = f"{limits.MEMORY_BYTES // 2**20} MB"

Advice = tuple[str, str]


def advise(report: Mapping[str, Any], _source: str, language: str) -> Advice:
    """Return what happened and how to fix it, each a plain sentence or two."""
    kind, name, message = (
        _cut_text(report.get(field), limits.ERROR_CHARS) for field in ("kind", "type", "msg")
    )
    return (
        _find_fixed_advice(kind, name, language)
        or _find_kind_advice(kind, message, report, language)
        or _build_error_advice(name, message, report)
    )


def _cut_text(value: Any, max_chars: int) -> str:
    return value[:max_chars] if type(value) is str else ""


def _find_fixed_advice(kind: str, name: str, language: str) -> Advice | None:
    """Return advice that depends on the kind of error alone."""
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


def _find_kind_advice(kind: str, message: str, report: Mapping[str, Any], language: str) -> Advice | None:
    if kind == "rule":
        return _format_sentence(message), patterns.RULES.get(
            _cut_text(report.get("code"), 30), "Write it in another way."
        )
    if kind == "limit":
        fix = patterns.RULES.get(_cut_text(report.get("code"), 30))
        found = _match_patterns(patterns.LIMITS, "", message)
        return (_format_sentence(message), fix) if fix else found
    if kind == "call":
        return _match_patterns(patterns.CALLS, "", message)
    if kind == "syntax":
        table = SCRIPT_SYNTAX if language == "script" else TEMPLATE_SYNTAX
        return _match_patterns(table, "", message) or (
            "This line cannot be read.",
            "Look for a missing bracket, comma, colon or quotation mark here or in the line above.",
        )
    return None


def _build_error_advice(name: str, message: str, report: Mapping[str, Any]) -> Advice:
    """Return advice on a runtime error: unknown names first, then the tables of patterns."""
    wanted = _cut_text(report.get("name"), _NAME_CHARS)
    if wanted:
        return _advise_unknown_name(name, wanted, message, _read_known(report.get("known")))
    if name == "KeyError":
        return f"There is no entry {message}.", "Ask with .get(...), which gives None when there is none."
    if name == "AttributeError" and message.startswith("NoneType has no "):
        return _advise_none_value(message.removeprefix("NoneType has no "))
    # What the script's own world says, it says with the remedy behind a semicolon.
    sentence, _, remedy = message.partition("; ")
    return _match_patterns(ERRORS, name, message) or (
        _format_sentence(sentence or f"This line raised {name or 'an error'}"),
        _format_sentence(remedy or "Look at the values of this line with ctx.log(...)"),
    )


def _read_known(value: Any) -> list[str]:
    listed = value[:_KNOWN] if type(value) is list else []
    return [each[:_NAME_CHARS] for each in listed if type(each) is str]


def _advise_unknown_name(error: str, wanted: str, message: str, known: Sequence[str]) -> Advice:
    """Return advice on an unknown name, with the nearest known one."""
    owner = message.partition(" has no ")[0] if error == "AttributeError" else ""
    if owner == "NoneType":
        return _advise_none_value(wanted)
    if error == "KeyError":
        sentence = f"There is no entry “{wanted}”."
        default = f'.get("{wanted}") gives None when it is missing'
    elif error == "TypeError":
        sentence = f"{message.partition('()')[0]}() takes no “{wanted}”."
        default = "Check the names of what stands between the brackets"
    elif error == "ValueError":
        sentence, default = f"There is no command “{wanted}”.", "Check the name in the list of commands"
    elif owner:
        sentence = f"“{wanted}” is not known here: {_describe_owner(owner)} has no such name."
        default = "Check how it is written"
    elif error == "UnknownNameError":
        sentence = f"“{wanted}” is not known here."
        default = 'Check how it is written; |default("") behind it stands in for what may be missing'
    else:
        sentence = f"“{wanted}” is not known here."
        default = "Check how it is written, or give it a value first"
    elsewhere = patterns.UNAVAILABLE_NAMES.get(wanted, "") if error in {"NameError", "AttributeError"} else ""
    return sentence, elsewhere or suggest(wanted, known, default)


def _describe_owner(owner: str) -> str:
    return (
        owner
        if "." in owner or owner in {"ctx", "re", "json", "math", "random", "datetime"}
        else patterns.describe_type(owner)
    )


def _advise_none_value(wanted: str) -> Advice:
    return (
        f"There is nothing here to read “{wanted[:_NAME_CHARS]}” from: the value is None.",
        "Check first that there is something: “if value:”.",
    )


def suggest(wanted: str, known: Sequence[str], default: str) -> str:
    """Return a question for the nearest known name, or the default with a few known ones."""
    by_folded = {name.casefold(): name for name in reversed(known)}
    close = difflib.get_close_matches(wanted.casefold(), by_folded, n=1, cutoff=_MIN_SIMILARITY)
    if close:
        return f"Did you mean “{by_folded[close[0]]}”?"
    if not known or len(known) > 3 * _LISTED:
        return f"{default}."
    more = ", …" if len(known) > _LISTED else ""
    return f"{default}. There is: {', '.join(known[:_LISTED])}{more}."


def _match_patterns(table: Sequence[ErrorPattern], name: str, message: str) -> Advice | None:
    """Return the advice of the first pattern that matches an error's type and text."""
    for phrase in table:
        if phrase.types and name not in phrase.types.split():
            continue
        found = phrase.pattern.search(message)
        if found:
            groups = _describe_groups(found.groupdict(), found.groups())
            sentence = phrase.message.format(*groups, msg=message.rstrip("."))
            return _format_sentence(sentence), phrase.fix.format(*groups)
    return None


def _describe_groups(named: Mapping[str, str | None], groups: Sequence[str | None]) -> list[str]:
    """Return the groups of a match: type names in plain words, others as they are, without alternatives."""
    types = set(filter(None, named.values()))
    return [
        patterns.describe_type(each) if each in types else each for each in groups if each is not None
    ] or [""]


def _format_sentence(text: str) -> str:
    """Capitalise a text and end it with a full stop."""
    text = text.strip()
    # A name of the program is written as it is: f() needs more values.
    first = text[:1] if re.match(r"[\w.]+\(", text) else text[:1].upper()
    end = "" if text.endswith((".", "?", "!", "…")) else "."
    return f"{first}{text[1:]}{end}"
