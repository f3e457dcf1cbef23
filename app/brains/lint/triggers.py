"""Lint rules for triggers that never match because an earlier command does."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Final

from app.brains.document.schema import Command
from app.brains.lint.finding import WARNING, Draft, Finding, build_command_finding
from app.brains.runtime.program import Entry
from app.brains.runtime.selection.command_choice import choose
from app.brains.text import fold
from app.brains.triggers import KINDS
from app.brains.triggers.contract import Sample, build_match_input, build_text_turn
from app.immutable import immutable

# Nothing in common but that each is a message.
_PROBES: Final = tuple(
    build_match_input(build_text_turn(text), ()) for text in ("xqz", "Q 7", "!", "é", "5", "👍", "two\nlines")
)
_CACHE_SIZE: Final = 16


@immutable
class ShadowedSample:
    """Sample none of whose turns reaches its command, and the first command that answers instead."""

    sample: Sample
    winner: Entry


@immutable
class DraftKey:
    """Cache key of a draft, equal for equal triggers."""

    key: Hashable
    draft: Draft = field(compare=False)


def find(draft: Draft) -> Iterator[Finding]:
    """Find triggers whose messages an earlier command answers."""
    commands = tuple((place, each.id, each.name, each.trigger) for place, each in draft.commands)
    yield from _find_cached(DraftKey((draft.document.settings.prefixes, commands), draft))


# Most edits change no trigger, and asking every command for every message takes a while in a large brain.
@lru_cache(_CACHE_SIZE)
def _find_cached(draft_key: DraftKey) -> tuple[Finding, ...]:
    return tuple(_find_all(draft_key.draft))


def _find_all(draft: Draft) -> Iterator[Finding]:
    greedy = {command.id for _, command in draft.commands if _matches_all(command)}
    yield from _report_greedy(draft, greedy)
    for place, command in draft.commands:
        yield from _find_duplicates(place, command)
        kind = KINDS[command.trigger.kind]
        if kind.traits.uses_prefix and not draft.document.settings.prefixes:
            yield _report_no_prefix(place, command)
        samples = kind.list_samples(command.trigger, draft.document.settings.prefixes)
        lost = [found for sample in samples if (found := _find_shadowed(draft, command, sample))]
        if lost and not any(each.winner.command.id in greedy for each in lost):
            yield from _report_shadowed(place, command, samples, lost)


def _report_no_prefix(place: int, command: Command) -> Finding:
    text = "This command never answers: the brain has no prefix that its words could follow."
    fix = "Add a prefix in the settings, or use the trigger Exact text."
    return build_command_finding("unreachable", WARNING, place, command, "trigger", text, fix)


def _matches_all(command: Command) -> bool:
    kind = KINDS[command.trigger.kind]
    return not kind.traits.is_last and all(kind.match(command.trigger, probe) for probe in _PROBES)


def _report_greedy(draft: Draft, greedy: set[str]) -> Iterator[Finding]:
    for place, command in draft.commands:
        if command.id in greedy:
            fix = "Make the pattern narrower, or use the trigger Default reply (fallback), which is checked last."
            text = "This pattern matches every message, so no command after it ever answers."
            yield build_command_finding(
                "matches-everything", WARNING, place, command, "trigger.pattern", text, fix
            )


def _find_duplicates(place: int, command: Command) -> Iterator[Finding]:
    """Find texts that a trigger lists twice."""
    listed, field = _list_texts(command), KINDS[command.trigger.kind].traits.field
    folds = getattr(command.trigger, "ignore_case", True)
    compared = [fold(text) if folds else text for text in listed]
    for number, text in enumerate(compared):
        if text in compared[:number]:
            message = f"“{listed[number]}” is listed twice."
            where = f"trigger.{field}.{number}"
            yield build_command_finding(
                "duplicate-word", WARNING, place, command, where, message, "Remove one of them."
            )


def _list_texts(command: Command) -> Sequence[str]:
    """Return the texts of a trigger; none for a pattern."""
    listed = getattr(command.trigger, KINDS[command.trigger.kind].traits.field, ())
    return listed if isinstance(listed, tuple) else ()


def _find_shadowed(draft: Draft, command: Command, sample: Sample) -> ShadowedSample | None:
    """Return the command that answers every turn of a sample; None when one reaches its own command."""
    winner = None
    for turn in sample.turns:
        choice, _ = choose(draft.program, turn)
        if choice is None or choice.entry.command.id == command.id:
            return None
        winner = winner or choice.entry
    return ShadowedSample(sample, winner) if winner else None


def _report_shadowed(
    place: int, command: Command, samples: Sequence[Sample], lost: Sequence[ShadowedSample]
) -> Iterator[Finding]:
    """Report shadowed samples: one finding when all are lost, else one each."""
    if len(lost) == len(samples):
        yield _report_unreachable(place, command, lost[0].winner)
    elif not _list_texts(command):
        yield from _report_overlaps(place, command, lost)
    else:
        for each in lost:
            yield _report_partly_shadowed(place, command, each)


def _report_unreachable(place: int, command: Command, winner: Entry) -> Finding:
    first = winner.command
    if KINDS[command.trigger.kind].traits.is_last:
        text = f"“{first.name}” is the default reply already, so this command never answers."
        return build_command_finding(
            "second-fallback", WARNING, place, command, "trigger", text, "Keep one of the two commands."
        )
    same = _has_same_words(command, first)
    text = f"This command never answers: “{first.name}” is asked first and takes all its messages."
    fix = f"Move it above “{first.name}”, or change one of the two triggers."
    return build_command_finding(
        "duplicate-word" if same else "unreachable", WARNING, place, command, "trigger", text, fix
    )


def _has_same_words(command: Command, first: Command) -> bool:
    """Tell whether two triggers match the same words in the same way."""
    kind = command.trigger.kind
    if kind != first.trigger.kind or not KINDS[kind].traits.is_whole_text:
        return False
    return bool({*map(fold, _list_texts(command))} & {*map(fold, _list_texts(first))})


def _report_partly_shadowed(place: int, command: Command, lost: ShadowedSample) -> Finding:
    first = lost.winner.command
    code = "duplicate-word" if _has_same_words(command, first) else "shadowed"
    text = f"“{lost.sample.text[:60]}” never reaches this command: “{first.name}” is asked first."
    fix = f"Remove it here or there, or move this command above “{first.name}”."
    return build_command_finding(code, WARNING, place, command, f"trigger.{lost.sample.field}", text, fix)


def _report_overlaps(place: int, command: Command, lost: Sequence[ShadowedSample]) -> Iterator[Finding]:
    """Report a pattern that shares messages with an earlier one, unless that is a special case of it."""
    for first in dict.fromkeys(each.winner.command.id for each in lost):
        taken = next(each for each in lost if each.winner.command.id == first)
        earlier = taken.winner.command
        if _list_texts(earlier) or _is_special_case(earlier, command):
            continue
        text = (
            f"This pattern overlaps with the one of “{earlier.name}”, which takes for example "
            f"“{taken.sample.text[:60]}”."
        )
        fix = "Make one of the two narrower, or put the one that is to win first."
        yield build_command_finding(
            "overlapping-regex", WARNING, place, command, "trigger.pattern", text, fix
        )


def _is_special_case(earlier: Command, later: Command) -> bool:
    """Tell whether all that matches the earlier pattern matches the later one, which makes the order right."""
    kind = KINDS[later.trigger.kind]
    return all(
        kind.match(later.trigger, build_match_input(build_text_turn(sample.text), ()))
        for sample in KINDS[earlier.trigger.kind].list_samples(earlier.trigger, ())
    )
