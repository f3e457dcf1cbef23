"""What one run asks for: grants and quotas, a journal of the answers, and answers from a journal on replay."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from app.brains import limits
from app.brains.capabilities.contract import Asker, CallRefused, Capabilities
from app.brains.effects import canonical_json

_SHORT: Final = 120
_QUOTAS: Final = {"http": limits.CALLS_HTTP, "ai": limits.CALLS_AI}
_GRANTS: Final = {"http.get": "http", "http.post": "http", "ai": "ai", "memory.top": "memory"}
METHODS: Final = tuple(_GRANTS)
_NAMES: Final = {"http": "ctx.http", "ai": "ctx.ai", "memory": "ctx.memory"}


class Calls:
    """Answers the calls of one run, one after another; not shared between threads at the same time.

    `journal` holds the answers of an earlier run: then nothing goes out. `clock` counts nanoseconds.
    """

    def __init__(
        self,
        capabilities: Capabilities,
        asker: Asker,
        journal: Sequence[Mapping[str, Any]] | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.journal: list[dict[str, Any]] = []
        self.trace: list[dict[str, Any]] = []
        self._capabilities = capabilities
        self._asker = asker
        self._recorded = journal
        self._clock = clock
        self._count = 0
        self._used: dict[str, int] = {}
        self._until: int | None = None

    @property
    def replaying(self) -> bool:
        """Whether the answers come from an earlier run."""
        return self._recorded is not None

    def count(self) -> None:
        """Count one call; raises CallRefused beyond the limit of a run."""
        self._count += 1
        if self._count > limits.CALLS:
            raise CallRefused("limit", f"A run may make at most {limits.CALLS} calls.")

    def ask(self, method: str, arguments: Mapping[str, Any]) -> Any:
        """Answer one call, once counted; raises CallRefused."""
        started = self._clock()
        line: dict[str, Any] = {"method": method[:20], "short": _short(method, arguments)}
        self.trace.append(line)
        try:
            answer = self._checked(method, arguments)
        except CallRefused as refused:
            line |= {"ok": False, "why": str(refused), "refused": refused.kind}
            raise
        else:
            line["ok"] = True
            return answer
        finally:
            line["ms"] = (self._clock() - started) // 1_000_000

    def _checked(self, method: str, arguments: Mapping[str, Any]) -> Any:
        grant = _GRANTS.get(method)
        if grant is None:
            raise CallRefused("denied", "There is no call of this name.")
        if grant not in self._asker.grants.names:
            raise CallRefused(
                "denied",
                f"This brain may not use {_NAMES[grant]}. Switch “{grant}” on in the brain's settings.",
            )
        self._used[grant] = self._used.get(grant, 0) + 1
        if self._used[grant] > _QUOTAS.get(grant, limits.CALLS):
            raise CallRefused("limit", f"A run may use {_NAMES[grant]} at most {_QUOTAS[grant]} times.")
        entry = {"m": method, "a": argument_hash(arguments)}
        return self._replay(entry) if self._recorded is not None else self._record(entry, arguments)

    def _record(self, entry: dict[str, Any], arguments: Mapping[str, Any]) -> Any:
        capability = self._capabilities.get(entry["m"], _NOTHING)
        try:
            answer = capability.answer(entry["m"], arguments, replace(self._asker, seconds=self._left()))
        except CallRefused as refused:
            self.journal.append({**entry, "ok": False, "v": {"kind": refused.kind, "message": str(refused)}})
            raise
        self.journal.append({**entry, "ok": True, "v": answer})
        return answer

    def _left(self) -> float:
        """Return how many seconds the run may still take with its calls; it counts from the first one."""
        now = self._clock()
        if self._until is None:
            self._until = now + round(limits.CALL_SECONDS * 1e9)
        return (self._until - now) / 1e9

    def _replay(self, entry: dict[str, Any]) -> Any:
        place = len(self.journal)
        recorded = self._recorded[place] if self._recorded and place < len(self._recorded) else {}
        if (recorded.get("m"), recorded.get("a")) != (entry["m"], entry["a"]):
            raise CallRefused(
                "unavailable", "The recorded run did not make this call: the script has changed."
            )
        self.journal.append(dict(recorded))
        if recorded["ok"]:
            return recorded["v"]
        raise CallRefused(recorded["v"]["kind"], recorded["v"]["message"])


class _Nothing:
    """Stands where an installation has no such capability."""

    grant = ""

    def answer(self, method: str, arguments: Mapping[str, Any], asker: Asker) -> Any:  # noqa: ARG002  the seam's
        raise CallRefused("unavailable", f"{method} is not available here.")


_NOTHING = _Nothing()


def argument_hash(arguments: Mapping[str, Any]) -> str:
    """Name the arguments of a call: SHA-256 of their canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(arguments).encode()).hexdigest()


def _short(method: str, arguments: Mapping[str, Any]) -> str:
    """Show what was asked in a few words, without a query: it may hold keys."""
    shown = arguments.get({"ai": "prompt", "memory.top": "key"}.get(method, "url"), "")
    text = shown if isinstance(shown, str) else ""
    return text.split("?", 1)[0][:_SHORT] if method.startswith("http.") else text[:_SHORT]
