"""From a prompt to the call that asks it: templates rendered in the sandbox, past turns as messages.

What a person wrote is data in every step: it is filled into templates and messages, and never read as either.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.brains import limits
from app.brains.capabilities.contract import CallRefused, known, text_of
from app.brains.program import Prompted, Text
from app.brains.sandbox.wire import Done, Fault, Job
from app.brains.scene import Scene

METHOD: Final = "ai"
_GIVEN = frozenset({"prompt", "variables"})
_BLANK = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,59})\}")

Messages = list[dict[str, str]]


def jobs_of(
    scene: Scene, prompted: Prompted, variables: Mapping[str, Any] | None = None, *, measure: bool = False
) -> list[Job | Done]:
    """Return what renders the system and the user part; a text without template marks is done already."""
    data = scene.prompt_data(variables or {})
    return [_job(scene, text, data, measure=measure) for text in (prompted.system, prompted.user)]


def begin(scene: Scene, *, measure: bool = False) -> list[Job | Done | Fault]:
    """Return what renders the prompt of the scene's own command."""
    prompted = scene.entry.prompt
    if prompted is None:
        return [Fault("rule", "The prompt of this command does not exist.", "Choose another prompt.")]
    return list(jobs_of(scene, prompted, measure=measure))


def _job(scene: Scene, text: Text, data: Mapping[str, Any], *, measure: bool) -> Job | Done:
    if text.literal:
        return Done({"text": text.source.text})
    program = scene.program
    return Job(program.owner, text.source, data, None, program.document.settings.strict, measure)


def wrong(prompted: Prompted, results: Sequence[Done | Fault]) -> tuple[str, Fault] | None:
    """Return which part could not be made (system, user), and why; None when both could."""
    for part, result in zip(("system", "user"), results, strict=True):
        if isinstance(result, Fault):
            return part, result
    if not _text(results[1]).strip():
        return "user", Fault(
            "limit", f"The prompt “{prompted.prompt.name}” came out empty.", "Write what is asked."
        )
    return None


def call_of(scene: Scene, prompted: Prompted, results: Sequence[Done | Fault]) -> dict[str, Any]:
    """Return the arguments of the call that asks a rendered prompt; raises CallRefused for one that is too long."""
    prompt = prompted.prompt
    system, user = (_text(result).strip() for result in results)
    if len(system) + len(user) > limits.AI_CHARS:
        raise CallRefused(
            "limit",
            f"The prompt “{prompt.name}” has {len(system) + len(user):,} characters; "
            f"{limits.AI_CHARS:,} are allowed.",
        )
    messages = [{"role": "system", "content": system}] if system else []
    messages += [*past_messages(scene.turn.past, prompt.memory.turns), {"role": "user", "content": user}]
    return {
        "prompt": prompt.name,
        "messages": messages,
        "model": prompt.model,
        "temperature": prompt.temperature,
        "max_tokens": prompt.max_tokens,
    }


def _text(result: Done | Fault) -> str:
    text = result.data.get("text") if isinstance(result, Done) else ""
    return text if isinstance(text, str) else ""


def past_messages(past: Sequence[tuple[str, str]], turns: int) -> Messages:
    """Return the last turns as messages whose roles alternate: a turn begins where the person speaks again."""
    merged: Messages = []
    for role, words in past:
        if merged and merged[-1]["role"] == role:
            merged[-1]["content"] += f"\n{words}"
        else:
            merged.append({"role": role, "content": words})
    starts = [place for place, message in enumerate(merged) if message["role"] == "user"]
    kept = merged[starts[-turns] if len(starts) >= turns else 0 :] if turns else []
    room = limits.AI_PAST_CHARS
    for place in range(len(kept) - 1, -1, -1):
        room -= len(kept[place]["content"])
        if room < 0:
            return kept[place + 1 :]
    return kept


def plain_call(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the call of a text that is no prompt's name: {blanks} are filled once; raises CallRefused."""
    text, variables = asked(arguments)
    filled = _BLANK.sub(lambda blank: _filled(blank, variables), text)
    if len(filled) > limits.AI_CHARS:
        raise CallRefused(
            "limit", f"The prompt has {len(filled):,} characters; {limits.AI_CHARS:,} are allowed."
        )
    return {"prompt": "", "messages": [{"role": "user", "content": filled}]}


def _filled(blank: re.Match[str], variables: Mapping[str, Any]) -> str:
    return str(variables[blank[1]]) if blank[1] in variables else blank[0]


def asked(arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Read what a script asks: the prompt's name or text, and the named values; raises CallRefused."""
    known(arguments, _GIVEN)
    text = text_of(arguments, "prompt", limits.AI_CHARS)
    variables = arguments.get("variables", {})
    if type(variables) is not dict or len(variables) > limits.AI_VARIABLES:
        raise CallRefused("denied", f"A prompt takes at most {limits.AI_VARIABLES} named values.")
    return text, variables
