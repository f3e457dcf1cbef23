"""Explanation of a run: texts and advice for cooldown, restriction, no match, error, sent answer."""

from collections.abc import Mapping
from typing import Any, Final

from app.bot.explain.explanation import Explanation, MessageContext
from app.bot.failures.causes import is_window_closed
from app.bot.release.recorded_turns import build_bare_turn
from app.bot.states import TROUBLE_STATES, RunOutcome
from app.brains.document.validation import InvalidDocument
from app.brains.runtime.program import Entry, Program, compile_program
from app.brains.runtime.replay import restore_turn
from app.brains.runtime.selection.command_choice import explain as explain_matches
from app.brains.runtime.trace import Cause
from app.brains.triggers.contract import build_match_input
from app.brains.turn import Turn

# What helps with a command that fits and may not answer.
_BLOCK_ADVICE: Final[Mapping[str, str]] = {
    Cause.DISABLED: "Switch it on.",
    Cause.COOLDOWN: "Shorten its cooldown if it rests too long.",
    Cause.RESTRICTION: "Check its restrictions.",
}


def explain_run(case: MessageContext) -> Explanation:
    """Explain a message whose brain was asked."""
    outcome = case.run.outcome if case.run else ""
    if outcome == RunOutcome.FAILED:
        return _explain_failed(case)
    asked = _explain_question(case)
    if asked:
        return asked
    held_back = _explain_blocked(case)
    if held_back:
        return held_back
    return _explain_answered(case) if outcome == "answered" else _explain_silent(case)


def _explain_failed(case: MessageContext) -> Explanation:
    error: Mapping[str, Any] = case.trace.error or {}
    place = f" in line {error['line']}" if error.get("line") else ""
    what = error.get("message") or case.trace.reason or "It failed."
    return case.build_command_explanation(
        "limit" if case.trace.cause == Cause.LIMIT else "error",
        f"“{case.get_command_name(case.command_id)}” failed{place}: {what}",
        str(error.get("fix") or "Open the command and repair it."),
    )


def _explain_question(case: MessageContext) -> Explanation | None:
    """Explain a message that was asked about, or the press that answered the question."""
    reason = case.trace.reason
    if case.trace.cause == Cause.ASKED_BACK:
        sentence = f"No command was sure of this message, so it was {reason}"
        return Explanation(
            "asked_back", sentence, "Give the intent that is meant this message as an example."
        )
    if case.trace.cause == Cause.TOO_LATE:
        return Explanation("too_late", f"The button came too late: {reason}.")
    if case.trace.cause == Cause.REFUSED:
        return Explanation("refused", f"The question back was {reason}.", "Add a default reply.")
    return None


def _explain_blocked(case: MessageContext) -> Explanation | None:
    """Explain a command that matched and was blocked: by its switch, its cooldown or a restriction."""
    advice = _BLOCK_ADVICE.get(case.trace.cause)
    if advice is None or not case.trace.considered:
        return None
    last = case.trace.considered[-1]
    sentence = f"“{case.get_command_name(last['command'])}” matches, but it {last['why']}."
    return case.build_command_explanation(case.trace.cause, sentence, advice, of=last["command"])


def _explain_answered(case: MessageContext) -> Explanation:
    name = case.get_command_name(case.command_id)
    stuck = next((send for send in case.sends if send.state in TROUBLE_STATES), None)
    if stuck is not None and is_window_closed(stuck.error_code):
        return Explanation(
            "window",
            f"“{name}” answered, but the 24-hour window was closed: WhatsApp only accepts an approved template then.",
            "Wait until the person writes again; what they write next is answered.",
        )
    if stuck is not None:
        why = stuck.error or f"its state is “{stuck.state}”"
        return Explanation(
            "not_sent", f"“{name}” answered, but it was not delivered: {why}", "See the answer.", "chat"
        )
    if case.message.repeats:
        times = "once more" if case.message.repeats == 1 else f"{case.message.repeats} times more"
        return case.build_command_explanation(
            "duplicate",
            f"This message was delivered {times}. It was answered once, by “{name}”; the rest was ignored.",
        )
    if case.trace.reason:
        reason = case.trace.reason.removesuffix(".")
        return case.build_command_explanation(
            "answered", f"“{name}” matches and has answered how it is used, because {reason}."
        )
    if case.journal.get("answer") is not None and case.trace.considered:
        why = case.trace.considered[-1]["why"]
        sentence = f"Answered about the message before the question back; {why}."
        return case.build_command_explanation("answered", sentence)
    others = _list_shadowed(case)
    also = f" “{others[0]}” matches too, but is checked later." if others else ""
    return case.build_command_explanation("answered", f"“{name}” matches and has answered.{also}")


def _explain_silent(case: MessageContext) -> Explanation:
    """Explain a message for which no command was run."""
    if case.command_id is not None:
        return _explain_no_reply(case)
    off = _find_switched_off(case)
    if off:
        command = off.command
        return case.build_command_explanation(
            "disabled", f"“{command.name}” matches, but it is switched off.", "Switch it on.", of=command.id
        )
    return case.build_command_explanation(
        "no_match", "No command matches this message.", "Add a command for it, or a default reply."
    )


def _explain_no_reply(case: MessageContext) -> Explanation:
    """Explain a command that ran and sent nothing."""
    name, others = case.get_command_name(case.command_id), _list_shadowed(case)
    if others:
        return case.build_command_explanation(
            "lost",
            f"“{name}” is checked before “{others[0]}”, which matches too; it took the message and did not reply.",
            f"Move “{others[0]}” above it, or make the trigger of “{name}” narrower.",
        )
    return case.build_command_explanation("nothing_to_say", f"“{name}” matches and did not reply.")


def _load_program(case: MessageContext) -> Program | None:
    if case.version is None:
        return None
    try:
        return compile_program(case.version.id, case.version.brain_id, case.version.document)
    except InvalidDocument:
        return None


def _build_turn(case: MessageContext, program: Program) -> Turn:
    turn = build_bare_turn(case.message, case.chat, case.message.created_at)
    return restore_turn(program, turn, case.journal) if case.journal else turn


def _list_shadowed(case: MessageContext) -> list[str]:
    """Return the names of commands that would have answered, had no other been asked first."""
    program = _load_program(case)
    if program is None:
        return []
    # The fallback always matches and always comes last: it has lost nothing.
    specific = {entry.command.id for entry in program.entries if not entry.kind.traits.is_last}
    lines = explain_matches(program, _build_turn(case, program))
    return [line.name for line in lines if line.verdict == "shadowed" and line.command_id in specific]


def _find_switched_off(case: MessageContext) -> Entry | None:
    """Return the first command that would have fired, were it not switched off."""
    program = _load_program(case)
    if program is None:
        return None
    match_input = build_match_input(_build_turn(case, program), program.document.settings.prefixes)
    for entry in program.entries:
        if not entry.command.enabled and entry.kind.match(entry.command.trigger, match_input):
            return entry
    return None
