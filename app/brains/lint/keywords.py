"""Lint rules for keywords and patterns that no message, or only an unusual one, can match."""

import re
from collections.abc import Iterator
from typing import Final

from app.brains.document.schema import Command
from app.brains.lint.finding import WARNING, Draft, Finding, build_command_finding
from app.brains.text import fold
from app.brains.triggers import KINDS
from app.unicode import FoldOptions
from app.unicode import fold as fold_text

_SHOWN_CHARS: Final = 60
# What has no meaning of its own in a pattern: escapes, classes and quotations are skipped as a whole.
_TOKEN: Final = re.compile(
    r"\\Q.*?(?:\\E|$)|\\p\{[^}]*\}|\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|.", re.DOTALL
)
_MULTILINE: Final = re.compile(r"\(\?[a-zA-Z]*m")
_GROUP_START: Final = re.compile(r"\((?:\?(?:P?<\w+>|[a-zA-Z-]*:|[a-zA-Z-]+\)))?")
# What may stand behind the end of a message in a pattern that can match, and before its beginning.
_AFTER_END: Final = frozenset({"", ")", "|", "$", "*", "?", "{", r"\z"})
_BEFORE_BEGIN: Final = frozenset({"", "(", "|", "^", r"\A", "*", "?", "}"})
_CASE_COUNTS: Final = FoldOptions(ignore_case=False)


def find(draft: Draft) -> Iterator[Finding]:
    """Find keywords and patterns that people's messages do not match."""
    for place, command in draft.commands:
        yield from _find_letter_case(place, command)
        yield from _find_repeated_prefix(place, command, draft.document.settings.prefixes)
        pattern = getattr(command.trigger, "pattern", "")
        if pattern:
            yield from _find_invisible_sign(place, command, pattern)
            yield from _find_typographic_quote(place, command, pattern)
            yield from _find_misplaced_anchor(place, command, pattern)


def _find_letter_case(place: int, command: Command) -> Iterator[Finding]:
    """Find upper-case letters where the case of letters counts: phones begin a message with one and go on without."""
    trigger = command.trigger
    if getattr(trigger, "ignore_case", True):
        return
    texts: tuple[str, ...] = getattr(trigger, "texts", ())
    folded = {fold_text(each, _CASE_COUNTS) for each in texts}
    for number, text in enumerate(texts):
        # Who has listed the other spelling too knows what they do.
        if text != text.lower() and fold_text(text.lower(), _CASE_COUNTS) not in folded:
            message = f"“{text[:_SHOWN_CHARS]}” matches in this spelling only, not as “{text.lower()[:_SHOWN_CHARS]}”."
            fix = "Switch “Ignore case” on, or add the other spelling."
            yield build_command_finding(
                "letter-case", WARNING, place, command, f"trigger.texts.{number}", message, fix
            )


def _find_repeated_prefix(place: int, command: Command, prefixes: tuple[str, ...]) -> Iterator[Finding]:
    """Find keywords of a command that begin with a prefix once more."""
    if not KINDS[command.trigger.kind].traits.uses_prefix:
        return
    for number, word in enumerate(getattr(command.trigger, "words", ())):
        prefix = next((each for each in prefixes if each and fold(word).startswith(fold(each))), "")
        if prefix and len(word) > len(prefix):
            message = f"The prefix comes before the keyword, so only “{prefix}{word[:_SHOWN_CHARS]}” matches."
            fix = f"Write “{word[len(prefix) :][:_SHOWN_CHARS]}”."
            yield build_command_finding(
                "repeated-prefix", WARNING, place, command, f"trigger.words.{number}", message, fix
            )


def _find_invisible_sign(place: int, command: Command, pattern: str) -> Iterator[Finding]:
    """Find signs in a pattern that nobody can see, and that messages are compared without."""
    hidden = next((each for each in pattern if not each.isascii() and not fold_text(each, _CASE_COUNTS)), "")
    if hidden:
        message = f"This pattern has a sign in it that nobody can see (U+{ord(hidden):04X}), and matches only with it."
        fix = "Type the pattern again: such signs come along when a text is copied."
        yield build_command_finding("never-matches", WARNING, place, command, "trigger.pattern", message, fix)


def _find_typographic_quote(place: int, command: Command, pattern: str) -> Iterator[Finding]:
    """Find quotes in a pattern that match themselves alone, where the plain ones match both."""
    for each in pattern:
        plain = "" if each.isascii() else fold_text(each, _CASE_COUNTS)
        # Who has written the plain one too knows what they do.
        if plain in {"'", '"'} and plain not in pattern:
            message = (
                f"This pattern has “{each}” in it, and matches only with it; many keyboards write {plain}."
            )
            fix = f"Write {plain}, which matches “{each}” as well."
            yield build_command_finding(
                "typographic-quote", WARNING, place, command, "trigger.pattern", message, fix
            )
            return


def _find_misplaced_anchor(place: int, command: Command, pattern: str) -> Iterator[Finding]:
    """Find `$` before something that has to follow it, and `^` behind something that has to precede it."""
    if _MULTILINE.search(pattern):
        return
    tokens = [each.group() for each in _TOKEN.finditer(_GROUP_START.sub("(", pattern))]
    for before, sign, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        if sign == "$" and after not in _AFTER_END:
            message = (
                f"“$” is the end of the message, so nothing can come after it: “${after}” never matches."
            )
        elif sign == "^" and before not in _BEFORE_BEGIN:
            message = f"“^” is the beginning of the message, so nothing can come before it: “{before}^” never matches."
        else:
            continue
        fix = r"Write \$ or \^ for the sign itself, or move it to the end or the beginning."
        yield build_command_finding("never-matches", WARNING, place, command, "trigger.pattern", message, fix)
        return
