"""Why a brain decided as it did about a message, worked out from the record of its run and the version that ran."""

from typing import Final

from app.bot.explanation import Case, Explanation
from app.bot.history import bare_turn
from app.brains.problems import InvalidDocument
from app.brains.program import Entry, Program, compile_program
from app.brains.replay import recorded_turn
from app.brains.runtime import Turn
from app.brains.runtime import explain as verdicts
from app.brains.triggers.contract import hear

# WhatsApp's own code for a free-form message outside the 24-hour window.
_WINDOW: Final = "131047"
_LIMITS: Final = frozenset({"limit", "time", "memory"})
_TROUBLE: Final = frozenset({"failed", "dead", "held", "unknown"})


def explain(case: Case) -> Explanation:
    """Explain a message whose brain was asked."""
    outcome = case.run.outcome if case.run else ""
    if outcome == "failed":
        return _failed(case)
    held_back = _held_back(case)
    if held_back:
        return held_back
    return _answered(case) if outcome == "answered" else _silent(case)


def _failed(case: Case) -> Explanation:
    error = case.trace.get("error") or {}
    place = f" in line {error['line']}" if error.get("line") else ""
    what = error.get("message") or case.reason or "It failed."
    over = error.get("kind") in _LIMITS or _refused_by_limit(case)
    return case.on_command(
        "limit" if over else "error",
        f"“{case.name(case.command_id)}” failed{place}: {what}",
        str(error.get("fix") or "Open the command and repair it."),
    )


def _refused_by_limit(case: Case) -> bool:
    """Tell whether the call a script failed at was refused because of a quota."""
    error, calls = case.trace.get("error") or {}, case.trace.get("calls") or [{}]
    if error.get("kind") != "call":
        return False
    # A call beyond the number a run may make is refused before it gets a line of its own.
    return calls[-1].get("refused") == "limit" or str(error.get("message")).startswith("A run may make")


def _held_back(case: Case) -> Explanation | None:
    """Explain a command that fired and was held back: by its switch, its cooldown or a restriction."""
    last = (case.trace.get("considered") or [{}])[-1]
    if last.get("verdict") != "blocked":
        return None
    why = str(last["why"])
    sentence = f"“{case.name(last['command'])}” fits, but it {why}."
    rests = case.journal.get("rests")
    if why == "is switched off":
        return case.on_command("disabled", sentence, "Switch it on.", of=last["command"])
    # As the run judged it: where and for whom first, then the rest.
    if rests and rests[1] > case.journal["now"] and why.startswith("rests"):
        return case.on_command(
            "cooldown", sentence, "Shorten its cooldown if it rests too long.", of=last["command"]
        )
    return case.on_command("restriction", sentence, "Look at who may use it, and where.", of=last["command"])


def _answered(case: Case) -> Explanation:
    name = case.name(case.command_id)
    stuck = next((send for send in case.sends if send.state in _TROUBLE), None)
    if stuck is not None and stuck.error_code == _WINDOW:
        return Explanation(
            "window",
            f"“{name}” answered, but the 24-hour window was closed: WhatsApp only takes an approved template then.",
            "Wait until the person writes again; what they write next is answered.",
        )
    if stuck is not None:
        why = stuck.error or f"its state is “{stuck.state}”"
        return Explanation(
            "not_sent", f"“{name}” answered, but it was not delivered: {why}", "See the answer.", "chat"
        )
    if case.message.repeats:
        times = "once more" if case.message.repeats == 1 else f"{case.message.repeats} times more"
        return case.on_command(
            "duplicate",
            f"WhatsApp delivered this message {times}. It was answered once, by “{name}”; the rest was ignored.",
        )
    if case.reason:
        return case.on_command(
            "answered", f"“{name}” fits and has answered how it is used, because {case.reason}."
        )
    others = _others(case)
    also = f" “{others[0]}” fits too, but is asked later." if others else ""
    return case.on_command("answered", f"“{name}” fits and has answered.{also}")


def _silent(case: Case) -> Explanation:
    """Explain a message on which a brain decided to say nothing."""
    if case.command_id is not None:
        return _took_it(case)
    off = _switched_off(case)
    if off:
        command = off.command
        return case.on_command(
            "disabled", f"“{command.name}” fits, but it is switched off.", "Switch it on.", of=command.id
        )
    return case.on_command(
        "no_match", "No command fits this message.", "Add a command for it, or one for “Anything else”."
    )


def _took_it(case: Case) -> Explanation:
    """Explain a command that fired and said nothing."""
    name, others = case.name(case.command_id), _others(case)
    if others:
        return case.on_command(
            "lost",
            f"“{name}” is asked before “{others[0]}”, which fits too; it took the message and said nothing.",
            f"Move “{others[0]}” above it, or make the trigger of “{name}” narrower.",
        )
    return case.on_command("nothing_to_say", f"“{name}” took the message and decided to say nothing.")


def _program(case: Case) -> Program | None:
    if case.version is None:
        return None
    try:
        return compile_program(case.version.id, case.version.brain_id, case.version.document)
    except InvalidDocument:
        return None


def _then(case: Case, program: Program) -> Turn:
    turn = bare_turn(case.message, case.chat, case.message.created_at)
    return recorded_turn(program, turn, case.journal) if case.journal else turn


def _others(case: Case) -> list[str]:
    """Return the names of commands that would have answered, had no other been asked first."""
    program = _program(case)
    if program is None:
        return []
    # “Anything else” always fits and always comes last: it has lost nothing.
    specific = {entry.command.id for entry in program.entries if entry.command.trigger.kind != "fallback"}
    lines = verdicts(program, _then(case, program))
    return [line.name for line in lines if line.verdict == "shadowed" and line.command_id in specific]


def _switched_off(case: Case) -> Entry | None:
    """Return the first command that would have fired, were it not switched off."""
    program = _program(case)
    if program is None:
        return None
    heard = hear(_then(case, program), program.document.settings.prefixes)
    for entry in program.entries:
        if not entry.command.enabled and entry.kind.match(entry.command.trigger, heard):
            return entry
    return None
