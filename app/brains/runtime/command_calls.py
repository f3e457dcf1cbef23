"""Calls of a run to prompts and other commands of its brain, and to capabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.brains import limits
from app.brains.capabilities.contract import CallRefusal
from app.brains.document import arguments as args
from app.brains.document.prompts import PromptAction
from app.brains.effects.model import Effect, Forget, Increment, MemoryEffect
from app.brains.effects.parse import Rules, read_overlay, select_memory_effects
from app.brains.effects.untrusted import BadEffect
from app.brains.memory.overlay import apply_overlay
from app.brains.runtime import prompts
from app.brains.runtime.capability_calls import CapabilityCalls
from app.brains.runtime.decode import Decision, decode_result
from app.brains.runtime.program import CompiledPrompt, Entry, Program
from app.brains.runtime.sandbox_job import RenderContext, build_job, mix_seed
from app.brains.sandbox.types import RunResult, SandboxError, SandboxPort
from app.brains.text import fold
from app.brains.triggers.contract import Match


class CommandCalls:
    """Answers the calls of one run in order; called commands share its quotas and its journal.

    `called_effects` holds the effects of each called command by its number, `reads` the variables they read, `output`
    what they printed. `start_error` is set when one could not start: the whole run has to be repeated then.
    """

    def __init__(
        self, sandbox: SandboxPort, context: RenderContext, calls: CapabilityCalls, depth: int = 0
    ) -> None:
        self.called_effects: dict[int, tuple[Effect, ...]] = {}
        self.reads: tuple[tuple[str, str], ...] = ()
        self.output = ""
        self.start_error: SandboxError | None = None
        self.calls = calls
        self._sandbox = sandbox
        self._context = context
        self._depth = depth

    def __call__(self, method: str, arguments: Mapping[str, Any]) -> Any:
        """Answer one call; raises CallRefusal."""
        try:
            answer = self._answer(method, arguments)
        except CallRefusal:
            self.calls.is_last_refused = True
            raise
        self.calls.is_last_refused = False
        return answer

    def ask(self, call: Mapping[str, Any]) -> str:
        """Call the AI with a rendered prompt and return the answer; raises CallRefusal."""
        self.calls.count()
        return self.calls.ask(prompts.METHOD, call)

    @property
    def rules(self) -> Rules:
        """Rules of the run's effects, with the effects of its calls so far."""
        return build_rules(self._context.program, self._context.turn.now, self.called_effects)

    def _answer(self, method: str, arguments: Mapping[str, Any]) -> Any:
        self.calls.count()
        if method == "command":
            return self._run_command(arguments)
        if method == prompts.METHOD:
            return self.calls.ask(method, self._build_call(arguments), is_formatted=True)
        return self.calls.ask(method, arguments)

    def _build_call(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of an AI call: a prompt of this brain by its name, else the text itself."""
        name, variables = prompts.parse_question(given)
        prompted = self._context.program.prompts.get(name)
        return self._render_call(prompted, variables) if prompted else prompts.build_plain_call(given)

    def _render_call(self, prompted: CompiledPrompt, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Render a prompt and return its AI call; raises CallRefusal."""
        jobs = prompts.build_jobs(self._context, prompted, variables)
        results = [job if isinstance(job, RunResult) else self._sandbox.run(job) for job in jobs]
        failed = prompts.find_error(prompted, results)
        if failed is None:
            return prompts.build_call(self._context, prompted, results)
        part, error = failed
        if error.kind == "sandbox":
            self.start_error = self.start_error or error
        place = f", line {error.line}" if error.line else ""
        raise CallRefusal(
            "upstream", f"The prompt “{prompted.prompt.name}” failed ({part}{place}): {error.message}"
        )

    def _run(self) -> RunResult | SandboxError:
        """Run the context's command to its end; raises CallRefusal for a prompt without an answer."""
        action = self._context.entry.command.action
        if not isinstance(action, PromptAction):
            job = build_job(self._context, self)
            return job if isinstance(job, RunResult) else self._sandbox.run(job)
        prompted = self._context.entry.prompt
        if prompted is None:
            raise CallRefusal("denied", f"There is no prompt “{action.prompt}” in this brain.")
        try:
            return RunResult({"text": self.ask(self._render_call(prompted, {}))})
        except CallRefusal:
            if action.otherwise is None or self.start_error:
                raise
            return RunResult({"text": action.otherwise})

    def _run_command(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Run another command of this brain; its effects are inserted among the caller's later."""
        number = len(self.called_effects)
        self.called_effects[number] = ()
        context = self._build_context(given, number)
        inner = CommandCalls(self._sandbox, context, self.calls, self._depth + 1)
        result = inner._run()
        decided = decode_result(context.entry, result, inner.rules)
        name = context.entry.command.name
        if isinstance(decided, SandboxError):
            self.start_error = (
                self.start_error or inner.start_error or (decided if decided.kind == "sandbox" else None)
            )
            place = f" in line {decided.line}" if decided.line else ""
            raise CallRefusal("upstream", f"The command “{name}” failed{place}: {decided.message}")
        self.called_effects[number] = decided.effects
        self.start_error = self.start_error or inner.start_error
        self._add_reads_and_output(decided, inner, result)
        return {"result": decided.result, "writes": _to_memory_writes(select_memory_effects(decided.effects))}

    def _add_reads_and_output(
        self, decided: Decision, inner: "CommandCalls", result: RunResult | SandboxError
    ) -> None:
        self.reads = tuple(dict.fromkeys((*self.reads, *decided.reads, *inner.reads)))
        self.output = (self.output + inner.output + result.output)[: limits.OUTPUT_CHARS]

    def _build_context(self, given: Mapping[str, Any], number: int) -> RenderContext:
        """Build the context of a called command; raises CallRefusal."""
        if self._depth >= limits.CALL_DEPTH:
            raise CallRefusal("limit", f"Commands may call each other at most {limits.CALL_DEPTH} deep.")
        caller = self._context
        entry = self._find_entry(given.get("command"))
        named = given.get("args", {})
        values = args.bind(entry.command.arguments, named if isinstance(named, dict) else {})
        if not values.is_complete:
            reason = values.problem or f"The argument {values.missing} is missing."
            raise CallRefusal("denied", f"The command “{entry.command.name}” cannot run: {reason}")
        try:
            memory = apply_overlay(caller.memory, read_overlay(given.get("memory", {})))
        except BadEffect as error:
            raise CallRefusal("denied", str(error)) from error
        seed = mix_seed(caller.seed + number + 1)
        return replace(caller, entry=entry, match=Match(), values=values.values, memory=memory, seed=seed)

    def _find_entry(self, name: Any) -> Entry:
        program = self._context.program
        entry = program.by_id.get(program.commands.get(fold(name), "")) if isinstance(name, str) else None
        if entry is None:
            raise CallRefusal("denied", f"There is no command “{str(name)[:100]}” in this brain.")
        if not entry.command.enabled:
            raise CallRefusal("denied", f"The command “{entry.command.name}” is switched off.")
        return entry


def build_rules(program: Program, now: int, called: Mapping[int, Sequence[Effect]]) -> Rules:
    """Return the rules of the effects of a run."""
    return Rules(now, program.document.grants.names, program.commands, called)


def _to_memory_writes(effects: Sequence[MemoryEffect]) -> list[list[Any]]:
    """Convert memory effects to the form of the child."""
    return [_to_memory_write(effect) for effect in effects]


def _to_memory_write(effect: MemoryEffect) -> list[Any]:
    if isinstance(effect, Forget):
        return ["del", effect.scope, effect.key]
    if isinstance(effect, Increment):
        return ["incr", effect.scope, effect.key, effect.by, effect.ttl]
    return ["set", effect.scope, effect.key, effect.value, effect.ttl]
