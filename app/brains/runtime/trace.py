"""Trace of a run and its JSON format: cause, considered commands, calls, output, usage.

`Trace` is what code reads and writes; `to_json` and `from_json` alone know the keys (docs/decisions/0016).
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, NotRequired, Self, TypedDict

from app.immutable import immutable

VERSION: Final = 2


class Cause(StrEnum):
    """Cause of a run's end, where it is not simply that a command answered."""

    # No brain was asked.
    NO_BRAIN = "no_brain"
    NOT_LIVE = "not_live"
    CANNOT_RUN = "cannot_run"
    OTHER_BRAIN = "other_brain"
    PAUSED = "paused"
    LOOP = "loop"
    MERGED = "merged"
    # No command ran.
    NO_MATCH = "no_match"
    COMMAND_GONE = "command_gone"
    DISABLED = "disabled"
    RESTRICTION = "restriction"
    COOLDOWN = "cooldown"
    USAGE = "usage"
    # It was asked whether one of the likeliest commands is meant; what was pressed came too late, or meant none.
    ASKED_BACK = "asked_back"
    TOO_LATE = "too_late"
    REFUSED = "refused"
    # A command ran.
    NOTHING_TO_SAY = "nothing_to_say"
    NO_AI_ANSWER = "no_ai_answer"
    LIMIT = "limit"
    ERROR = "error"


LIMIT_KINDS: Final = frozenset({"limit", "time", "memory"})  # of SandboxError.kind


class ConsideredLine(TypedDict):
    """Command that was checked; `verdict`: lost | off | blocked | won, `why` as a text."""

    command: str
    verdict: str
    why: str


class CallLine(TypedDict):
    """Call of a run; `short` is a summary, `ms` the duration, `refused` the kind of a refusal."""

    method: str
    short: str
    ms: NotRequired[int]
    ok: NotRequired[bool]
    why: NotRequired[str]
    refused: NotRequired[str]


class ErrorRecord(TypedDict):
    """Error of a run (app.brains.sandbox.types.SandboxError)."""

    kind: str
    message: str
    fix: str
    line: int | None
    column: int | None
    end_column: int | None
    excerpt: list[str]


@immutable
class Trace:
    """Trace of a run; fields with their empty value are omitted from the JSON.

    `cause` is one of Cause, empty for a plain answer; a newer release may have written another word. `reason` says it
    in words, `pause_reason` those of who paused the chat. `considered` are the first commands that were asked,
    `considered_count` all. `surplus` is the end of the message, which no argument takes. `variant`
    counts from 1. `part` is the part of a prompt that failed. `is_filled`: the text was filled without a sandbox
    process. `dropped` are effects of a failed run, `state_effects` those beyond replies that were kept
    (app.brains.effects.model.dump_effect). `choice_reason` says why another version than the live one ran
    (app.brains.versions.routing). `merged_into` is the message it was answered with. `understanding` is what the
    intents made of it (app.brains.turn). `unknown` holds the keys of a newer release.
    """

    cause: str = ""
    reason: str = ""
    pause_reason: str = ""
    considered: Sequence[ConsideredLine] = ()
    considered_count: int | None = None
    arguments: Mapping[str, Any] | None = None
    surplus: str = ""
    variant: int | None = None
    part: str = ""
    run_micros: int | None = None
    is_filled: bool = False
    calls: Sequence[CallLine] = ()
    output: str = ""
    result: Any = None
    usage: Mapping[str, float] = field(default_factory=dict)
    error: ErrorRecord | None = None
    dropped: Sequence[Any] = ()
    choice_reason: str = ""
    state_effects: Sequence[Sequence[Any]] = ()
    merged_into: int | None = None
    understanding: Mapping[str, Any] | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a stored trace of any version."""
        known = {name: data[key] for name, key in _KEYS if _is_something(name, data.get(key))}
        known |= {"cause": read_cause(data), "pause_reason": _read_pause_reason(data)}
        return cls(**known, unknown={key: value for key, value in data.items() if key not in _KNOWN_KEYS})

    def to_json(self) -> dict[str, Any]:
        """Return the trace as JSON data of the current version."""
        data: dict[str, Any] = {"version": VERSION, **self.unknown}
        for (name, key), value in zip(_KEYS, _read_values(self), strict=True):
            # As `_is_something`, in place: twenty calls for every message cost more than the rest.
            if value or (name in _NULLABLE and value is not None):
                data[key] = value
        if self.considered_count is not None:
            data.setdefault("considered", [])
        return data


EMPTY_TRACE: Final = Trace()
# Of these, nought and what is empty are something.
_NULLABLE: Final = frozenset(
    {"considered_count", "arguments", "variant", "run_micros", "result", "merged_into"}
)
_JSON_KEYS: Final = {"is_filled": "filled", "choice_reason": "course", "state_effects": "lasting"}
_KEYS: Final = tuple(
    (each.name, _JSON_KEYS.get(each.name, each.name)) for each in fields(Trace) if each.name != "unknown"
)
_read_values: Final = attrgetter(*(name for name, _ in _KEYS))
_KNOWN_KEYS: Final = frozenset({"version", *(key for _, key in _KEYS)})

# Version 1 had no code: these sentences were stored, and are only ever read. Nothing is added here.
_V1_PAUSED: Final = "A person answers in this chat"
_V1_LOOP: Final = "This looks like two bots talking to each other"
_V1_NOT_ASKED: Final[Mapping[str, Cause]] = {
    "The connection has no brain.": Cause.NO_BRAIN,
    "The connection has no published brain.": Cause.NOT_LIVE,
    "The published version cannot run. Publish the brain again.": Cause.CANNOT_RUN,
    "This was scheduled by a brain that does not answer on this connection any more.": Cause.OTHER_BRAIN,
    "Answered together with what was written after it": Cause.MERGED,
}
_V1_NO_COMMAND: Final[Mapping[str, Cause]] = {
    "no command fits this message": Cause.NO_MATCH,
    "the command it was to run is no longer there": Cause.COMMAND_GONE,
}
_V1_DISABLED: Final = "is switched off"
_V1_COOLDOWN: Final = "rests"
_V1_TOO_MANY_CALLS: Final = "A run may make"


def _is_something(name: str, value: Any) -> bool:
    return bool(value) or (name in _NULLABLE and value is not None)


def read_cause(trace: Mapping[str, Any]) -> str:
    """Return the cause of a stored trace; for version 1, the one its sentences mean."""
    if "version" in trace:
        return str(trace.get("cause") or "")
    reason = str(trace.get("reason") or "")
    if reason.startswith(_V1_PAUSED):
        return Cause.PAUSED
    if reason.startswith(_V1_LOOP):
        return Cause.LOOP
    ended = _read_v1_error(trace) or _read_v1_block(trace)
    return _V1_NOT_ASKED.get(reason) or ended or _V1_NO_COMMAND.get(reason) or ""


def _read_v1_error(trace: Mapping[str, Any]) -> str:
    error = trace.get("error")
    if not error:
        return ""
    calls = trace.get("calls") or [{}]
    # A call beyond the number a run may make had no line of its own.
    refused = error.get("kind") == "call" and (
        calls[-1].get("refused") == "limit" or str(error.get("message")).startswith(_V1_TOO_MANY_CALLS)
    )
    return Cause.LIMIT if refused or error.get("kind") in LIMIT_KINDS else Cause.ERROR


def _read_v1_block(trace: Mapping[str, Any]) -> str:
    last = (trace.get("considered") or [{}])[-1]
    if last.get("verdict") != "blocked":
        return ""
    why = str(last.get("why"))
    if why == _V1_DISABLED:
        return Cause.DISABLED
    return Cause.COOLDOWN if why.startswith(_V1_COOLDOWN) else Cause.RESTRICTION


def _read_pause_reason(trace: Mapping[str, Any]) -> str:
    if "version" in trace:
        return str(trace.get("pause_reason") or "")
    reason = str(trace.get("reason") or "")
    return reason.removeprefix(_V1_PAUSED).lstrip(": ") if reason.startswith(_V1_PAUSED) else ""
