"""Prompt to AI request: templates rendered in the sandbox, past turns as messages.

What a person wrote is data in every step: it is filled into templates and messages, and never read as either.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.brains import limits
from app.brains.capabilities.contract import CallRefusal, check_arguments, read_text
from app.brains.runtime.program import CompiledPrompt, CompiledTemplate
from app.brains.runtime.sandbox_job import RenderContext
from app.brains.sandbox.types import Job, RunResult, SandboxError

METHOD: Final = "ai"
_ARGUMENT_NAMES = frozenset({"prompt", "variables"})
_BLANK = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,59})\}")

Messages = list[dict[str, str]]


def build_jobs(
    context: RenderContext,
    prompted: CompiledPrompt,
    variables: Mapping[str, Any] | None = None,
    *,
    measure: bool = False,
) -> list[Job | RunResult]:
    """Return the sandbox jobs of the system and user part; a text without template marks is rendered already."""
    data = context.to_prompt_data(variables or {})
    return [_build_job(context, text, data, measure=measure) for text in (prompted.system, prompted.user)]


def build_command_jobs(
    context: RenderContext, *, measure: bool = False
) -> list[Job | RunResult | SandboxError]:
    """Return the sandbox jobs of the prompt of the context's own command."""
    prompted = context.entry.prompt
    if prompted is None:
        return [SandboxError("rule", "The prompt of this command does not exist.", "Choose another prompt.")]
    return list(build_jobs(context, prompted, measure=measure))


def _build_job(
    context: RenderContext, text: CompiledTemplate, data: Mapping[str, Any], *, measure: bool
) -> Job | RunResult:
    if text.is_literal:
        return RunResult({"text": text.source.text})
    program = context.program
    strict, command = program.document.settings.strict, context.entry.command.name
    return Job(program.owner, text.source, data, None, strict, measure, context.party, command)


def find_error(
    prompted: CompiledPrompt, results: Sequence[RunResult | SandboxError]
) -> tuple[str, SandboxError] | None:
    """Return the part that could not be rendered (system, user) and its error; None when both could."""
    for part, result in zip(("system", "user"), results, strict=True):
        if isinstance(result, SandboxError):
            return part, result
    if not _get_text(results[1]).strip():
        return "user", SandboxError(
            "limit", f"The prompt “{prompted.prompt.name}” came out empty.", "Write what is asked."
        )
    return None


def build_call(
    context: RenderContext, prompted: CompiledPrompt, results: Sequence[RunResult | SandboxError]
) -> dict[str, Any]:
    """Return the AI call of a rendered prompt; raises CallRefusal for one that is too long."""
    prompt = prompted.prompt
    system, user = (_get_text(result).strip() for result in results)
    if len(system) + len(user) > limits.AI_CHARS:
        raise CallRefusal(
            "limit",
            f"The prompt “{prompt.name}” has {len(system) + len(user):,} characters; "
            f"{limits.AI_CHARS:,} are allowed.",
        )
    messages = [{"role": "system", "content": system}] if system else []
    messages += [
        *build_past_messages(context.turn.past, prompt.memory.turns),
        {"role": "user", "content": user},
    ]
    return {
        "prompt": prompt.name,
        "messages": messages,
        "model": prompt.model,
        "temperature": prompt.temperature,
        "max_tokens": prompt.max_tokens,
    }


def _get_text(result: RunResult | SandboxError) -> str:
    text = result.data.get("text") if isinstance(result, RunResult) else ""
    return text if isinstance(text, str) else ""


def build_past_messages(past: Sequence[tuple[str, str]], turns: int) -> Messages:
    """Return the last turns as messages with alternating roles; a turn begins where the contact writes again."""
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


def build_plain_call(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the AI call of a plain text, with {blanks} filled once; raises CallRefusal."""
    text, variables = parse_question(arguments)
    filled = _BLANK.sub(lambda blank: _fill_blank(blank, variables), text)
    if len(filled) > limits.AI_CHARS:
        raise CallRefusal(
            "limit", f"The prompt has {len(filled):,} characters; {limits.AI_CHARS:,} are allowed."
        )
    return {"prompt": "", "messages": [{"role": "user", "content": filled}]}


def _fill_blank(blank: re.Match[str], variables: Mapping[str, Any]) -> str:
    return str(variables[blank[1]]) if blank[1] in variables else blank[0]


def parse_question(arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Parse the arguments of `ctx.ai`: prompt name or text, and variables; raises CallRefusal."""
    check_arguments(arguments, _ARGUMENT_NAMES)
    text = read_text(arguments, "prompt", limits.AI_CHARS)
    variables = arguments.get("variables", {})
    if type(variables) is not dict or len(variables) > limits.AI_VARIABLES:
        raise CallRefusal("denied", f"A prompt takes at most {limits.AI_VARIABLES} named values.")
    return text, variables
