"""Answers what one run asks for: calls to the outside, and other commands of its brain."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from app.brains import arguments as args
from app.brains import limits, prompting
from app.brains.calls import Calls
from app.brains.capabilities.contract import CallRefused
from app.brains.decision import Decided, decide, job_of, spread
from app.brains.effects import Effect, Forget, Increment, MemoryEffect
from app.brains.overlay import laid_over
from app.brains.program import Entry, Program, Prompted
from app.brains.prompts import PromptAction
from app.brains.reading import Rules, memory_only, read_overlay
from app.brains.sandbox.wire import Done, Fault, Job
from app.brains.scene import Scene
from app.brains.triggers.contract import Match, fold
from app.brains.values import BadEffect


class Runner(Protocol):
    """The sandbox, as far as a called command needs it."""

    def run(self, job: Job) -> Done | Fault:
        """Run one job and wait for it."""
        ...


class Caller:
    """Answers the calls of one run, one after another; commands it calls share its quotas and its journal.

    `called` holds the effects of each called command by its number, `reads` what they looked at, `output` what they
    printed. `unstarted` is set when one could not even begin: the whole run is to be done again then.
    """

    def __init__(self, sandbox: Runner, scene: Scene, calls: Calls, depth: int = 0) -> None:
        self.called: dict[int, tuple[Effect, ...]] = {}
        self.reads: tuple[tuple[str, str], ...] = ()
        self.output = ""
        self.unstarted: Fault | None = None
        self.calls = calls
        self._sandbox = sandbox
        self._scene = scene
        self._depth = depth

    def __call__(self, method: str, arguments: Mapping[str, Any]) -> Any:
        """Answer one call; raises CallRefused."""
        self.calls.count()
        if method == "command":
            return self._command(arguments)
        return self.calls.ask(method, self._question(arguments) if method == prompting.METHOD else arguments)

    def ask(self, call: Mapping[str, Any]) -> str:
        """Ask a rendered prompt and return the answer; raises CallRefused."""
        self.calls.count()
        return self.calls.ask(prompting.METHOD, call)

    @property
    def rules(self) -> Rules:
        """What the run may decide, as it stands after its calls."""
        return rules_of(self._scene.program, self._scene.turn.now, self.called)

    def _question(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the call that a script's question means: a prompt of this brain by its name, else the text itself."""
        name, variables = prompting.asked(given)
        prompted = self._scene.program.prompts.get(name)
        return self._call_of(prompted, variables) if prompted else prompting.plain_call(given)

    def _call_of(self, prompted: Prompted, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Render a prompt and return the call that asks it; raises CallRefused."""
        jobs = prompting.jobs_of(self._scene, prompted, variables)
        results = [job if isinstance(job, Done) else self._sandbox.run(job) for job in jobs]
        failed = prompting.wrong(prompted, results)
        if failed is None:
            return prompting.call_of(self._scene, prompted, results)
        part, fault = failed
        if fault.kind == "sandbox":
            self.unstarted = self.unstarted or fault
        place = f", line {fault.line}" if fault.line else ""
        raise CallRefused(
            "upstream", f"The prompt “{prompted.prompt.name}” failed ({part}{place}): {fault.message}"
        )

    def _run(self) -> Done | Fault:
        """Run the scene's command and wait for its end; raises CallRefused for a prompt without an answer."""
        action = self._scene.entry.command.action
        if not isinstance(action, PromptAction):
            job = job_of(self._scene, self)
            return job if isinstance(job, Done) else self._sandbox.run(job)
        prompted = self._scene.entry.prompt
        if prompted is None:
            raise CallRefused("denied", f"There is no prompt “{action.prompt}” in this brain.")
        try:
            return Done({"text": self.ask(self._call_of(prompted, {}))})
        except CallRefused:
            if action.otherwise is None or self.unstarted:
                raise
            return Done({"text": action.otherwise})

    def _command(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Run another command of this brain; its effects wait for the caller's to be put among them."""
        number = len(self.called)
        self.called[number] = ()
        scene = self._inner(given, number)
        inner = Caller(self._sandbox, scene, self.calls, self._depth + 1)
        result = inner._run()
        decided = decide(scene.entry, result, inner.rules)
        name = scene.entry.command.name
        if isinstance(decided, Fault):
            self.unstarted = (
                self.unstarted or inner.unstarted or (decided if decided.kind == "sandbox" else None)
            )
            place = f" in line {decided.line}" if decided.line else ""
            raise CallRefused("upstream", f"The command “{name}” failed{place}: {decided.message}")
        self.called[number] = decided.effects
        self.unstarted = self.unstarted or inner.unstarted
        self._note(decided, inner, result)
        return {"result": decided.result, "writes": _writes(memory_only(decided.effects))}

    def _note(self, decided: Decided, inner: "Caller", result: Done | Fault) -> None:
        self.reads = tuple(dict.fromkeys((*self.reads, *decided.reads, *inner.reads)))
        self.output = (self.output + inner.output + result.output)[: limits.OUTPUT_CHARS]

    def _inner(self, given: Mapping[str, Any], number: int) -> Scene:
        """Set the scene for a called command; raises CallRefused."""
        if self._depth >= limits.CALL_DEPTH:
            raise CallRefused("limit", f"Commands may call each other at most {limits.CALL_DEPTH} deep.")
        scene = self._scene
        entry = self._entry(given.get("command"))
        named = given.get("args", {})
        values = args.bind(entry.command.arguments, named if isinstance(named, dict) else {})
        if not values.complete:
            why = values.problem or f"The argument {values.missing} is missing."
            raise CallRefused("denied", f"The command “{entry.command.name}” cannot run: {why}")
        try:
            memory = laid_over(scene.memory, read_overlay(given.get("memory", {})))
        except BadEffect as error:
            raise CallRefused("denied", str(error)) from error
        seed = spread(scene.seed + number + 1)
        return replace(scene, entry=entry, match=Match(), values=values.values, memory=memory, seed=seed)

    def _entry(self, name: Any) -> Entry:
        program = self._scene.program
        entry = program.by_id.get(program.commands.get(fold(name), "")) if isinstance(name, str) else None
        if entry is None:
            raise CallRefused("denied", f"There is no command “{str(name)[:100]}” in this brain.")
        if not entry.command.enabled:
            raise CallRefused("denied", f"The command “{entry.command.name}” is switched off.")
        return entry


def rules_of(program: Program, now: int, called: Mapping[int, Sequence[Effect]]) -> Rules:
    """Return what a run of a program may decide."""
    return Rules(now, program.document.grants.names, program.commands, called)


def _writes(effects: Sequence[MemoryEffect]) -> list[list[Any]]:
    """Write changes of the memory as the child knows them."""
    return [_write(effect) for effect in effects]


def _write(effect: MemoryEffect) -> list[Any]:
    if isinstance(effect, Forget):
        return ["del", effect.scope, effect.key]
    if isinstance(effect, Increment):
        return ["incr", effect.scope, effect.key, effect.by, effect.ttl]
    return ["set", effect.scope, effect.key, effect.value, effect.ttl]
