"""Prompts that wait for an AI model in threads of their own; how many at once, by brain and in all."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Final

from app.brains.capabilities.contract import CallRefusal
from app.brains.document.prompts import PromptAction
from app.brains.document.schema import Action
from app.brains.runtime import prompts
from app.brains.runtime.finish import PreparedRun, build_outcome
from app.brains.runtime.outcome import Outcome, OutcomeOrFuture
from app.brains.runtime.program import CompiledPrompt
from app.brains.runtime.trace import Cause
from app.brains.sandbox import errors
from app.brains.sandbox.types import RunResult, SandboxError

# At once, of all brains and of one: as many as scripts may have under way.
_MAX_PENDING: Final = 192
_MAX_PENDING_PER_OWNER: Final = 64
_TOO_MANY = errors.build_unavailable(
    "Too many questions to the AI are under way.", "This message is tried again in a moment."
)

Results = Sequence[RunResult | SandboxError]


class PendingPrompts:
    """Executor of rendered prompts; safe to share between threads. `clock` counts nanoseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._threads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._pending: Counter[str] = Counter()

    def ask(self, prepared: PreparedRun, prompted: CompiledPrompt, results: Results) -> OutcomeOrFuture:
        """Call the model with a rendered prompt; returns an outcome at once when there is nothing to wait for."""
        failed = prompts.find_error(prompted, results)
        if failed:
            return build_outcome(replace(prepared, trace=replace(prepared.trace, part=failed[0])), failed[1])
        if prepared.command_calls is None or prepared.command_calls.calls.is_replaying:
            return self._run_call(prepared, prompted, results)
        return self._submit(prepared, prompted, results)

    def _submit(self, prepared: PreparedRun, prompted: CompiledPrompt, results: Results) -> OutcomeOrFuture:
        owner = prepared.context.program.owner
        with self._lock:
            if self._pending.total() >= _MAX_PENDING or self._pending[owner] >= _MAX_PENDING_PER_OWNER:
                return build_outcome(prepared, _TOO_MANY)
            self._pending[owner] += 1
            self._threads = self._threads or ThreadPoolExecutor(_MAX_PENDING, "questions")
            future: Future[Outcome] = self._threads.submit(self._run_call, prepared, prompted, results)
        future.add_done_callback(partial(self._release, owner))
        return future

    def _release(self, owner: str, _future: Future[Outcome]) -> None:
        with self._lock:
            self._pending[owner] -= 1
            if not self._pending[owner]:
                del self._pending[owner]

    def _run_call(self, prepared: PreparedRun, prompted: CompiledPrompt, results: Results) -> Outcome:
        started = self._clock()
        try:
            call = prompts.build_call(prepared.context, prompted, results)
            text = prepared.command_calls.ask(call) if prepared.command_calls else ""
        except CallRefusal as refused:
            return _build_unanswered_outcome(prepared, refused)
        return build_outcome(prepared, RunResult({"text": text}, micros=(self._clock() - started) // 1000))


def _build_unanswered_outcome(prepared: PreparedRun, refused: CallRefusal) -> Outcome:
    """Build the outcome of a call without an answer: the command's `otherwise` text, else an error."""
    text = _get_fallback_text(prepared.context.entry.command.action)
    if text is None:
        fix = "Look at the brain's settings, or write what is said otherwise."
        return build_outcome(prepared, SandboxError("call", str(refused), fix))
    trace = replace(prepared.trace, cause=Cause.NO_AI_ANSWER, reason=f"no answer came from the AI: {refused}")
    return build_outcome(replace(prepared, trace=trace), RunResult({"text": text}))


def _get_fallback_text(action: Action) -> str | None:
    return action.otherwise if isinstance(action, PromptAction) else None
