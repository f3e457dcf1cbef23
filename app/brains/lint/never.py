"""Lint rules for what can never work: triggers that cannot match, people who cannot pass, methods that are refused."""

import re
from collections.abc import Iterator
from typing import Final

from app.brains.document.schema import Command
from app.brains.lint.finding import ERROR, WARNING, Code, Draft, Finding, build_command_finding
from app.brains.lint.word_edges import find_letter_at_edge
from app.brains.sandbox.source_facts import Fact
from app.brains.triggers import KINDS
from app.unicode import FoldOptions, fold

_SEVERAL: Final = re.compile(r"[^\s,，、;]+(?:\s*[,，、;]\s*[^\s,，、;]+)+")
# A user name, an address, or words; a name of one word could be a user id.
_NO_PERSON: Final = re.compile(
    r"^@|\w@\w|[^\W\d_] +[^\W\d_]|^[0-9]{1,4}$|^(?:\*|all|any(?:body|one)?|every(?:body|one))$", re.IGNORECASE
)
# A number as it is dialled within a country, or from it.
_NO_COUNTRY: Final = re.compile(r"^0[0-9]{4,}$")
_CASE_COUNTS: Final = FoldOptions(ignore_case=False)


def find(draft: Draft) -> Iterator[Finding]:
    """Find what can never work, with the way out."""
    for place, command in draft.commands:
        yield from _find_unmatchable_texts(place, command)
        yield from _find_ascii_word_edges(place, command)
        yield from _find_nobody(place, command)
    for code in draft.codes:
        for fact in code.list_facts("refused"):
            yield _report_refused_method(code, fact)


def _find_unmatchable_texts(place: int, command: Command) -> Iterator[Finding]:
    """Find texts of a trigger that nobody can send."""
    field = KINDS[command.trigger.kind].traits.field
    listed = getattr(command.trigger, field, ())
    for number, text in enumerate(listed if isinstance(listed, tuple) else ()):
        at = f"trigger.{field}.{number}"
        if not fold(text).strip():
            message = "This keyword consists of signs that nobody can see, and never matches."
            fix = "Remove it, or type it again."
            yield build_command_finding("never-matches", WARNING, place, command, at, message, fix)
        elif len(listed) == 1 and _SEVERAL.fullmatch(text):
            message = f"“{text[:60]}” is one keyword: only a message with its commas matches."
            fix = "Write each keyword on a line of its own."
            yield build_command_finding("one-keyword", WARNING, place, command, at, message, fix)


def _find_ascii_word_edges(place: int, command: Command) -> Iterator[Finding]:
    r"""Find `\b` beside a letter that is no word to RE2."""
    letter = find_letter_at_edge(getattr(command.trigger, "pattern", ""))
    if letter:
        message = (
            rf"\b knows the letters a to z only, so next to “{letter}” it does not find the edge of a word."
        )
        fix = r"Use the trigger Contains with whole words, or write (?:^|[^\p{L}\p{M}]) and (?:[^\p{L}\p{M}]|$)."
        yield build_command_finding("never-matches", WARNING, place, command, "trigger.pattern", message, fix)


def _find_nobody(place: int, command: Command) -> Iterator[Finding]:
    """Find restrictions that leave nobody, and entries that name nobody."""
    restrict = command.restrict
    allow = {_normalise(each) for each in restrict.allow}
    if allow and allow <= {_normalise(each) for each in restrict.deny}:
        message = "Everybody who is allowed is also denied, so this command answers nobody."
        fix = "Remove them from one of the two lists."
        yield build_command_finding("answers-nobody", WARNING, place, command, "restrict.allow", message, fix)
    for field, people in (("allow", restrict.allow), ("deny", restrict.deny)):
        for number, person in enumerate(people):
            if _NO_PERSON.search(_normalise(person)):
                at = f"restrict.{field}.{number}"
                message = (
                    f"“{person[:60]}” names nobody: people are known here by number or user id, not by name."
                )
                fix = "Write the phone number with its country code, or the user id that the chat shows."
                yield build_command_finding("answers-nobody", WARNING, place, command, at, message, fix)
            elif _NO_COUNTRY.match(_normalise(person)):
                at = f"restrict.{field}.{number}"
                message = f"“{person[:60]}” names nobody: WhatsApp's numbers begin with the country code, never with 0."
                fix = "Write the number with its country code and without the zero, as in +233 20 123 4567."
                yield build_command_finding("answers-nobody", WARNING, place, command, at, message, fix)


def _normalise(person: str) -> str:
    name = fold(person, _CASE_COUNTS).strip()
    digits = re.sub(r"[+\-\s()./]", "", name)
    return digits if digits.isdecimal() else name


def _report_refused_method(code: Code, fact: Fact) -> Finding:
    method = fact.texts[0]
    if method in {"format", "format_map"} and code.is_script:
        fix = 'Write an f-string: f"Hello {name}".'
    elif method in {"format", "format_map"}:
        fix = "Join texts with ~, as in “Hello ” ~ sender.name."
    else:
        fix = "Leave it out, or use replace."
    return code.build_finding(
        "refused-method", ERROR, fact, f"Texts have no .{method}() here; the run fails.", fix
    )
