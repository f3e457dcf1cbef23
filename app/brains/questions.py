"""Prompts on their way to a model: each waits in a thread of its own, so that no other run waits for it."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final

from app.brains import prompting
from app.brains.capabilities.contract import CallRefused
from app.brains.document import Action
from app.brains.ending import Begun, conclude
from app.brains.outcome import Ending, Outcome
from app.brains.program import Prompted
from app.brains.prompts import PromptAction
from app.brains.sandbox import faults
from app.brains.sandbox.wire import Done, Fault

# At once, of all brains and of one: as many as scripts may have under way.
_ASKING: Final = 192
_ASKING_OF_ONE: Final = 64
_TOO_MANY = faults.unavailable(
    "Too many questions to the AI are under way.", "This message is tried again in a moment."
)

Results = Sequence[Done | Fault]


class Questions:
    """Asks rendered prompts; safe to share between threads. `clock` counts nanoseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._threads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._asking: Counter[str] = Counter()

    def ask(self, begun: Begun, prompted: Prompted, results: Results) -> Ending:
        """Ask a prompt whose parts are rendered; an outcome when there is nothing to wait for."""
        failed = prompting.wrong(prompted, results)
        if failed:
            begun.trace["part"] = failed[0]
            return conclude(begun, failed[1])
        if begun.caller is None or begun.caller.calls.replaying:
            return self._answered(begun, prompted, results)
        return self._submit(begun, prompted, results)

    def _submit(self, begun: Begun, prompted: Prompted, results: Results) -> Ending:
        owner = begun.scene.program.owner
        with self._lock:
            if self._asking.total() >= _ASKING or self._asking[owner] >= _ASKING_OF_ONE:
                return conclude(begun, _TOO_MANY)
            self._asking[owner] += 1
            self._threads = self._threads or ThreadPoolExecutor(_ASKING, "questions")
            future: Future[Outcome] = self._threads.submit(self._answered, begun, prompted, results)
        future.add_done_callback(partial(self._landed, owner))
        return future

    def _landed(self, owner: str, _future: Future[Outcome]) -> None:
        with self._lock:
            self._asking[owner] -= 1
            if not self._asking[owner]:
                del self._asking[owner]

    def _answered(self, begun: Begun, prompted: Prompted, results: Results) -> Outcome:
        started = self._clock()
        try:
            call = prompting.call_of(begun.scene, prompted, results)
            text = begun.caller.ask(call) if begun.caller else ""
        except CallRefused as refused:
            return conclude(begun, self._otherwise(begun, refused))
        return conclude(begun, Done({"text": text}, micros=(self._clock() - started) // 1000))

    def _otherwise(self, begun: Begun, refused: CallRefused) -> Done | Fault:
        """Say what the command says when no answer comes; a fault when it says nothing."""
        said = _otherwise(begun.scene.entry.command.action)
        if said is None:
            return Fault(
                "call", str(refused), "Look at the brain's settings, or write what is said otherwise."
            )
        begun.trace["reason"] = f"no answer came from the AI: {refused}"
        return Done({"text": said})


def _otherwise(action: Action) -> str | None:
    return action.otherwise if isinstance(action, PromptAction) else None
