"""Choice of a turn's command: trigger matching, restrictions, cooldowns, reasons why commands do not answer."""

from app.brains.document.schema import Command, Restrictions
from app.brains.effects.model import Effect
from app.brains.runtime.program import Entry, Program
from app.brains.runtime.trace import Cause
from app.brains.triggers.contract import Match, MatchInput, build_match_input
from app.brains.triggers.intent import Config as IntentTrigger
from app.brains.turn import Sender, Turn
from app.immutable import immutable
from app.phone_numbers import normalise_person
from app.text import to_storable


@immutable
class Choice:
    """Command that matched, with its match and, if it may not answer, the reason."""

    entry: Entry
    match: Match
    block_reason: str = ""  # in words
    message: str | None = None  # what to say instead of nothing
    block_cause: str = ""
    why: str = "matches the message"
    effects: tuple[Effect, ...] = ()  # beside those of the command


@immutable
class CommandExplanation:
    """What one command would do on a turn: won, blocked, shadowed (an earlier one answers), lost or off."""

    command_id: str
    name: str
    verdict: str
    why: str


def choose(program: Program, turn: Turn) -> tuple[Choice | None, int]:
    """Return the first command that matches, and the number of commands checked before it.

    A turn that names its command gets that one, whatever triggers and restrictions say.
    """
    return choose_for(program, prepare_match(program, turn))


def prepare_match(program: Program, turn: Turn) -> MatchInput:
    """Prepare a turn for `choose_for`, after which it says what was understood of the message, if anything asked."""
    read = program.reader.read if program.reader else None
    return build_match_input(turn, program.document.settings.prefixes, read)


def choose_for(program: Program, match_input: MatchInput) -> tuple[Choice | None, int]:
    """Return what `choose` does, for a turn that was prepared."""
    turn = match_input.turn
    if turn.command_id is not None:
        return _choose_named(program, turn), 0
    for index, entry in enumerate(program.entries):
        if entry.command.enabled and (match := entry.kind.match(entry.command.trigger, match_input)):
            return apply_restrictions(entry, match, turn), index
    return None, len(program.entries)


def choose_intent(program: Program, intent: str, turn: Turn) -> tuple[Choice | None, int]:
    """Return the first command that is switched on for an intent, and the number of those before it."""
    for index, entry in enumerate(program.entries):
        command = entry.command
        if (
            command.enabled
            and isinstance(command.trigger, IntentTrigger)
            and command.trigger.intent == intent
        ):
            return _choose_unasked(entry, turn), index
    return None, len(program.entries)


def choose_last(program: Program, turn: Turn) -> tuple[Choice | None, int]:
    """Return the default reply, and the number of commands before it."""
    for index, entry in enumerate(program.entries):
        if entry.command.enabled and entry.kind.traits.is_last:
            return _choose_unasked(entry, turn), index
    return None, len(program.entries)


def _choose_unasked(entry: Entry, turn: Turn) -> Choice:
    text = to_storable(turn.text).strip()
    return apply_restrictions(entry, Match(text, text), turn)


def _choose_named(program: Program, turn: Turn) -> Choice | None:
    entry = program.by_id.get(turn.command_id or "")
    if entry is None:
        return None
    match = Match(to_storable(turn.text).strip())
    if entry.command.enabled:
        return Choice(entry, match)
    return Choice(entry, match, "is switched off", block_cause=Cause.DISABLED)


def explain(program: Program, turn: Turn) -> list[CommandExplanation]:
    """Return for every command, in matching order, what it would do on this turn."""
    match_input = prepare_match(program, turn)
    lines: list[CommandExplanation] = []
    winner = ""
    for entry in program.entries:
        verdict, why = _compute_verdict(entry, match_input, winner)
        if verdict in {"won", "blocked"}:
            winner = entry.command.name
        lines.append(CommandExplanation(entry.command.id, entry.command.name, verdict, why))
    return lines


def build_cooldown_scope(command: Command, turn: Turn) -> str:
    """Return the scope of a command's cooldown: contact:<id>, chat:<id> or brain."""
    per = command.restrict.cooldown.per if command.restrict.cooldown else "brain"
    if per == "brain":
        return "brain"
    # In a group the person may not be known; the group then rests as a whole.
    known = per == "contact" and turn.contact_id is not None
    return f"contact:{turn.contact_id}" if known else f"chat:{turn.chat_id}"


def _compute_verdict(entry: Entry, match_input: MatchInput, winner: str) -> tuple[str, str]:
    match = entry.kind.match(entry.command.trigger, match_input) if entry.command.enabled else None
    if match is None:
        return entry.miss_trace["verdict"], entry.miss_trace["why"]
    if winner:
        return "shadowed", f"would match, but “{winner}” is checked first"
    choice = apply_restrictions(entry, match, match_input.turn)
    return (
        ("blocked", choice.block_reason)
        if choice.block_reason
        else ("won", entry.kind.explain(entry.command.trigger))
    )


def apply_restrictions(entry: Entry, match: Match, turn: Turn) -> Choice:
    """Apply the command's restrictions and cooldown."""
    restrict = entry.command.restrict
    if blocked := _find_restriction(entry, restrict, turn):
        return Choice(entry, match, blocked, block_cause=Cause.RESTRICTION)
    if restrict.cooldown:
        left = turn.cooldowns.get((entry.command.id, build_cooldown_scope(entry.command, turn)), 0) - turn.now
        if left > 0:
            why = f"rests for {-(-left // 1000)} s more"
            return Choice(entry, match, why, restrict.cooldown.message, Cause.COOLDOWN)
    return Choice(entry, match)


def _find_restriction(entry: Entry, restrict: Restrictions, turn: Turn) -> str:
    if restrict.chats == "direct" and turn.is_group:
        return "runs in direct chats only"
    if restrict.chats == "group" and not turn.is_group:
        return "runs in groups only"
    if entry.allow or entry.deny:
        names = _list_names(turn.sender)
        if entry.deny & names:
            return "is denied to this person"
        if entry.allow and not entry.allow & names:
            return "is not allowed to this person"
    return ""


def _list_names(sender: Sender) -> frozenset[str]:
    return frozenset(normalise_person(name) for name in (sender.id, sender.phone) if name)
