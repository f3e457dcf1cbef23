"""Preview of a prompt: rendered messages and, on request, the model's answer."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from app.brains.capabilities.contract import CallContext, CallRefusal, Capabilities
from app.brains.runtime import prompts
from app.brains.runtime.capability_calls import CapabilityCalls
from app.brains.runtime.program import CompiledPrompt, Program, compile_program
from app.brains.runtime.sandbox_job import RenderContext
from app.brains.sandbox.types import RunResult, SandboxError, SandboxPort
from app.brains.triggers.contract import Match
from app.brains.turn import Turn
from app.immutable import immutable

_COMMAND_ID = "asks"


@immutable
class PreviewRequest:
    """Preview of one prompt of a draft on a turn, with the values a script would pass."""

    document: Mapping[str, Any]
    brain_id: int
    prompt: Mapping[str, Any]
    turn: Turn
    variables: Mapping[str, Any] = field(default_factory=dict)


@immutable
class Preview:
    """Rendered messages, then the answer or the reason there is none; `part` is system or user."""

    messages: tuple[Mapping[str, str], ...] = ()
    answer: str = ""
    refusal: str = ""
    part: str = ""
    sandbox_error: SandboxError | None = None


def preview_prompt(
    attempt: PreviewRequest, sandbox: SandboxPort, capabilities: Capabilities | None = None
) -> Preview:
    """Render a prompt and, with `capabilities`, call the model; raises InvalidDocument when it has problems itself."""
    program = _compile(attempt)
    prompted = next(iter(program.prompts.values()))
    context = _build_context(program, attempt.turn)
    jobs = prompts.build_jobs(context, prompted, attempt.variables)
    results = [job if isinstance(job, RunResult) else sandbox.run(job) for job in jobs]
    failed = prompts.find_error(prompted, results)
    if failed:
        return Preview(part=failed[0], sandbox_error=failed[1])
    return _ask(context, prompted, results, capabilities)


def _ask(
    context: RenderContext,
    prompted: CompiledPrompt,
    results: list[RunResult | SandboxError],
    capabilities: Capabilities | None,
) -> Preview:
    messages: tuple[Mapping[str, str], ...] = ()
    try:
        call = prompts.build_call(context, prompted, results)
        messages = tuple(call["messages"])
        if capabilities is None:
            return Preview(messages)
        asker = CallContext(context.program.brain_id, context.program.document.grants, now=context.turn.now)
        return Preview(messages, CapabilityCalls(capabilities, asker).ask(prompts.METHOD, call))
    except CallRefusal as refused:
        return Preview(messages, refusal=str(refused))


def _compile(attempt: PreviewRequest) -> Program:
    """Compile the prompt alone, whatever problems the rest of the draft has."""
    head = {
        name: attempt.document[name]
        for name in ("brain", "title", "settings", "grants")
        if name in attempt.document
    }
    action = {"kind": "prompt", "prompt": attempt.prompt.get("name")}
    command = {"id": _COMMAND_ID, "name": _COMMAND_ID, "trigger": {"kind": "fallback"}, "action": action}
    return compile_program(0, attempt.brain_id, {**head, "prompts": [attempt.prompt], "commands": [command]})


def _build_context(program: Program, turn: Turn) -> RenderContext:
    match = Match(turn.text.strip())
    return RenderContext(program, turn, program.by_id[_COMMAND_ID], match, {}, turn.memory, turn.seed)
