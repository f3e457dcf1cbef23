"""External requests of a run: permission and quota checks, journal, answers from a journal on replay."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from app.brains import limits
from app.brains.capabilities import METHODS
from app.brains.capabilities.contract import CallContext, CallRefusal, Capabilities
from app.brains.runtime.outcome import JournalCall
from app.brains.runtime.trace import CallLine
from app.brains.text import to_canonical_json
from app.channels.content.markup import to_whatsapp
from app.text import parse_json

_SUMMARY_CHARS: Final = 120


class CapabilityCalls:
    """External requests of one run, answered in order; used by one thread at a time.

    `journal` holds the answers of an earlier run: then nothing goes out. `clock` counts nanoseconds.
    """

    def __init__(
        self,
        capabilities: Capabilities,
        context: CallContext,
        journal: Sequence[Mapping[str, Any]] | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.journal: list[JournalCall] = []
        self.trace: list[CallLine] = []
        self.is_last_refused = False
        self._capabilities = capabilities
        self._context = context
        self._recorded = journal
        self._clock = clock
        self._count = 0
        self._used: dict[str, int] = {}
        self._deadline_ns: int | None = None

    @property
    def is_replaying(self) -> bool:
        """Whether answers are taken from the journal of an earlier run."""
        return self._recorded is not None

    @property
    def is_over_limit(self) -> bool:
        """Whether the last refusal was for a limit: of a quota, or of the calls of a run.

        The sandbox refuses a call beyond their number itself: all that came here were answered then.
        """
        if self.trace and self.trace[-1].get("refused") == "limit":
            return True
        return self._count > limits.CALLS or (self._count == limits.CALLS and not self.is_last_refused)

    def count(self) -> None:
        """Count one call; raises CallRefusal beyond the limit of a run."""
        self._count += 1
        if self._count > limits.CALLS:
            raise CallRefusal("limit", f"A run may make at most {limits.CALLS} calls.")

    def ask(self, method: str, arguments: Mapping[str, Any], *, is_formatted: bool = False) -> Any:
        """Answer one call that has been counted, `is_formatted` = its text as WhatsApp shows it; raises CallRefusal."""
        started = self._clock()
        line: CallLine = {"method": method[:20], "short": _summarise(method, arguments)}
        self.trace.append(line)
        try:
            answer = self._check_and_answer(method, arguments, is_formatted=is_formatted)
        except CallRefusal as refused:
            line.update({"ok": False, "why": str(refused), "refused": refused.kind})
            raise
        else:
            line["ok"] = True
            return answer
        finally:
            line["ms"] = (self._clock() - started) // 1_000_000

    def _check_and_answer(self, method: str, arguments: Mapping[str, Any], *, is_formatted: bool) -> Any:
        kind = METHODS.get(method)
        if kind is None:
            raise CallRefusal("denied", "There is no call of this name.")
        name = kind.name
        if name not in self._context.grants.names:
            raise CallRefusal(
                "denied",
                f"This brain may not use {kind.script_name}. Switch “{name}” on in the brain's settings.",
            )
        self._used[name] = self._used.get(name, 0) + 1
        if self._used[name] > kind.quota:
            raise CallRefusal("limit", f"A run may use {kind.script_name} at most {kind.quota} times.")
        digest = hash_arguments(arguments)
        if self._recorded is not None:
            return self._replay(method, digest)
        answer = self._record(method, digest, arguments)
        if is_formatted:
            # The answer is kept as it came; a replay hands it on as it was handed on now.
            self.journal[-1]["f"] = True
            return _format_answer(answer)
        return answer

    def _record(self, method: str, digest: str, arguments: Mapping[str, Any]) -> Any:
        capability = self._capabilities.get(method, _MISSING_CAPABILITY)
        try:
            answer = capability.answer(
                method, arguments, replace(self._context, seconds=self._compute_remaining_seconds())
            )
        except CallRefusal as refused:
            reason = {"kind": refused.kind, "message": str(refused)}
            self.journal.append({"m": method, "a": digest, "ok": False, "v": reason})
            raise
        self.journal.append({"m": method, "a": digest, "ok": True, "v": answer})
        return answer

    def _compute_remaining_seconds(self) -> float:
        """Return the seconds left for calls of this run, counted from the first one."""
        now = self._clock()
        if self._deadline_ns is None:
            self._deadline_ns = now + round(limits.CALL_SECONDS * 1e9)
        return (self._deadline_ns - now) / 1e9

    def _replay(self, method: str, digest: str) -> Any:
        place = len(self.journal)
        recorded = self._recorded[place] if self._recorded and place < len(self._recorded) else {}
        if (recorded.get("m"), recorded.get("a")) != (method, digest):
            raise CallRefusal(
                "unavailable", "The recorded run did not make this call: the script has changed."
            )
        call = JournalCall(m=method, a=digest, ok=recorded["ok"], v=recorded["v"])
        is_formatted = bool(recorded.get("f"))
        self.journal.append({**call, "f": True} if is_formatted else call)
        if recorded["ok"]:
            return _format_answer(recorded["v"]) if is_formatted else recorded["v"]
        raise CallRefusal(recorded["v"]["kind"], recorded["v"]["message"])


class _MissingCapability:
    """Capability that refuses every call, for one the installation does not have."""

    def answer(self, method: str, arguments: Mapping[str, Any], context: CallContext) -> Any:  # noqa: ARG002  the contract's
        raise CallRefusal("unavailable", f"{method} is not available here.")


_MISSING_CAPABILITY = _MissingCapability()


def _format_answer(answer: Any) -> Any:
    """Return the text of a model as WhatsApp shows it; JSON stays as it is, a script reads it."""
    if not isinstance(answer, str):
        return answer
    if answer.lstrip()[:1] in {"{", "["}:
        try:
            parse_json(answer.encode())
        except ValueError:
            pass
        else:
            return answer
    return to_whatsapp(answer)[: limits.AI_ANSWER_CHARS]


def hash_arguments(arguments: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of the canonical JSON of a call's arguments."""
    return hashlib.sha256(to_canonical_json(arguments).encode()).hexdigest()


def _summarise(method: str, arguments: Mapping[str, Any]) -> str:
    """Return a short summary of a call."""
    kind = METHODS.get(method)
    return kind.describe_call(method, arguments)[:_SUMMARY_CHARS] if kind else ""
