"""Selection of what a turn is answered with: a command, the question which one is meant, or what its answer says."""

from collections.abc import Sequence
from typing import Final

from app.brains.did_you_mean import (
    OFFERED,
    Press,
    build_question,
    build_question_effects,
    find_question,
    forget_question,
    get_press_texts,
    is_asked_about,
    list_likely,
    read_press,
    restore_message,
    take_out_question,
)
from app.brains.document.intents import DidYouMean
from app.brains.effects.model import Reply
from app.brains.runtime.outcome import Outcome
from app.brains.runtime.program import Program
from app.brains.runtime.selection.command_choice import (
    Choice,
    choose_for,
    choose_intent,
    choose_last,
    prepare_match,
)
from app.brains.runtime.trace import Cause, Trace
from app.brains.triggers.contract import MatchInput
from app.brains.turn import Turn
from app.immutable import immutable, replace_fields

_MAX_TRACED: Final = 50


@immutable
class Selection:
    """What a turn is answered with: a command, or what is `said` instead; `asked` are the intents offered."""

    turn: Turn
    choice: Choice | None
    trace: Trace
    said: Outcome | None = None
    asked: tuple[str, ...] = ()


def select(program: Program, turn: Turn) -> Selection:
    """Choose the command of a turn, or ask which one is meant; the press of such a question's button answers it."""
    wanted = program.document.settings.did_you_mean
    if wanted is not None:
        turn = take_out_question(turn)
        if "memory" not in program.grants:
            turn = replace_fields(turn, memory={})
        press = read_press(turn)
        if press:
            return _select_answer(program, wanted, turn, press)
    match_input = prepare_match(program, turn)
    choice, considered_count = choose_for(program, match_input)
    if wanted is not None and (offered := _list_offers(program, match_input, choice)):
        return _ask_back(program, wanted, match_input, offered, considered_count)
    turn = _add_understanding(match_input, choice)
    return Selection(turn, choice, _build_trace(program, turn, choice, considered_count))


def _list_offers(program: Program, match_input: MatchInput, choice: Choice | None) -> list[tuple[str, str]]:
    """Return intents to ask about with their commands' names; none where a command matched or none is likely."""
    understood = match_input.understood
    if choice and not choice.entry.kind.traits.is_last:
        return []
    if understood is None or match_input.word is not None or not is_asked_about(match_input.turn, understood):
        return []
    offers: list[tuple[str, str]] = []
    for intent in list_likely(understood):
        found, _ = choose_intent(program, intent, match_input.turn)
        if found and not found.block_reason:
            offers.append((intent, found.entry.command.name))
        elif not offers:
            return []  # the likeliest one has no command: what is behind it is hardly meant
    return offers[:OFFERED]


def _ask_back(
    program: Program,
    wanted: DidYouMean,
    match_input: MatchInput,
    offered: Sequence[tuple[str, str]],
    considered_count: int,
) -> Selection:
    turn = _add_understanding(match_input, None)
    language = turn.understanding.language if turn.understanding else ""
    question = build_question(turn, language, [intent for intent, _ in offered])
    effects = build_question_effects(wanted, question, [name for _, name in offered])
    names = " or ".join(f"“{name}”" for _, name in offered)
    trace = _build_trace(program, turn, None, considered_count)
    trace = replace_fields(trace, cause=Cause.ASKED_BACK, reason=f"asked back: {names}?")
    return Selection(turn, None, trace, Outcome("answered", effects, trace=trace), question.intents)


def _select_answer(program: Program, wanted: DidYouMean, turn: Turn, press: Press) -> Selection:
    """Choose the command for the message a question was about, as its answer says."""
    question = find_question(turn, press)
    texts = get_press_texts(wanted, press)
    if question is None or (press.intent and choose_intent(program, press.intent, turn)[0] is None):
        reason = "the question is answered or over ten minutes old, or the command it offered is gone"
        trace = Trace(cause=Cause.TOO_LATE, reason=reason)
        return Selection(turn, None, trace, Outcome("answered", (Reply(texts.late),), trace=trace))
    turn = restore_message(turn, question, press.intent)
    if press.intent:
        return _select_confirmed(program, turn, press.intent)
    match_input = prepare_match(program, turn)
    choice, considered_count = choose_last(program, turn)
    if choice is None:
        trace = Trace(cause=Cause.REFUSED, reason="refused: none of those offered is meant")
        said = Outcome("answered", (Reply(texts.refused), forget_question()), trace=trace)
        return Selection(turn, None, trace, said)
    turn = _add_understanding(match_input, choice)
    choice = replace_fields(
        choice, why="refused: none of those offered is meant", effects=(forget_question(),)
    )
    return Selection(turn, choice, _build_trace(program, turn, choice, considered_count))


def _select_confirmed(program: Program, turn: Turn, intent: str) -> Selection:
    if turn.understanding is None and program.reader:
        turn = replace_fields(turn, understanding=program.reader.confirm(intent, turn.text, turn.at))
    choice, considered_count = choose_intent(program, intent, turn)
    if choice is not None:
        why = f"confirmed: “{choice.entry.command.name}”"
        choice = replace_fields(choice, why=why, effects=(forget_question(),))
    return Selection(turn, choice, _build_trace(program, turn, choice, considered_count))


def _add_understanding(match_input: MatchInput, choice: Choice | None) -> Turn:
    """Return the turn with what was understood of its message, where a trigger asked or the chosen code may look."""
    if choice and choice.entry.can_read_intents:
        match_input.understand()
    turn, found = match_input.turn, match_input.understood
    return turn if found is turn.understanding else replace_fields(turn, understanding=found)


def _build_trace(program: Program, turn: Turn, choice: Choice | None, considered_count: int) -> Trace:
    """Build the trace of a choice: the commands checked, at most 50, and the one that won."""
    considered = [entry.miss_trace for entry in program.entries[: min(considered_count, _MAX_TRACED)]]
    if choice:
        verdict, why = ("blocked", choice.block_reason) if choice.block_reason else ("won", choice.why)
        considered.append({"command": choice.entry.command.id, "verdict": verdict, "why": why})
    trace = Trace(considered=considered, considered_count=considered_count + (choice is not None))
    return replace_fields(trace, understanding=turn.understanding.to_trace()) if turn.understanding else trace
