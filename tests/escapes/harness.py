"""Runs one attack after the other in one mode, as one operator beside another, and judges each."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

from app.brains import limits
from app.brains.capabilities import CALLS
from app.brains.effects.model import Effect
from app.brains.effects.parse import Rules, read_effects
from app.brains.effects.untrusted import BadEffect
from app.brains.sandbox import Job, RunResult, SandboxError, Source
from tests.escapes.corpus import SCRIPT, TEMPLATE, Snippet
from tests.escapes.modes import Mode
from tests.escapes.network import GRANTS, Network
from tests.escapes.oracle import MARK, STATE_MARK, Secret, Verdict, texts
from tests.escapes.process_monitor import Listener, ProcessMonitor
from tests.escapes.raw_languages import NAME_MARK

ALIVE = {SCRIPT: 'ctx.reply("alive " + ctx.message.text)', TEMPLATE: "alive {{ message.text }}"}
HOST_FELL = "host"
_HARM_OTHERS = frozenset({"limit", "alive", "any"})
_NOW_AND_THEN = 8
_DEATHS = frozenset({"time", "memory", "crash"})
_TRUST_MARKS = frozenset({"marker", "alive", "limit", "canary", "hostapi", "any"})
_NOON = 1_767_268_800.0
_MEMORY_MOST = 2 * limits.MEMORY_BYTES
_WALL_MOST = 2 * limits.HARD_SECONDS


@dataclass
class AttackRun:
    """One run of one source: what came back, what it asked the world, and the host's own time."""

    result: RunResult | SandboxError
    network: Network
    compiling: float
    running: float
    effects: tuple[Effect, ...] = field(default_factory=tuple)

    def list_texts(self) -> list[str]:
        """Return all texts that left the sandbox."""
        return [*texts(asdict(self.result)), *self.network.said()]

    def join_committed(self) -> str:
        """Return what a chat, the memory and the operator's output would get."""
        parts = [asdict(effect) if is_dataclass(effect) else effect for effect in self.effects]
        return "".join([*texts(parts), self.result.output])


class AttackedSandbox:
    """A sandbox under attack; for one thread."""

    def __init__(self, mode: Mode, canary: Secret, listener: Listener) -> None:
        self._mode = mode
        self._secrets = {"canary": canary, "neighbour's memory": Secret(secrets.token_hex(16))}
        self._listener = listener
        self._sandbox = mode.sandbox()
        self._owners = {"a": 1, "b": 1}
        self._deaths = {"a": 0, "b": 0}
        self._attacks = 0
        for language in (SCRIPT, TEMPLATE):
            for who in self._owners:
                self._check_alive(who, language)
        self._watch = ProcessMonitor(self._sandbox, Path.cwd())
        self.level = self._sandbox.get_level()

    def close(self) -> None:
        """End the sandbox."""
        self._sandbox.close()

    def attack(self, snippet: Snippet) -> Verdict:
        """Run one attack as operator A, what comes after it as operator B, and harmless commands as both."""
        first = self._shoot("a", snippet.language, self._code(snippet))
        reasons = [*self._leaks(first, "a"), *_excesses(first), *self._marks(snippet, first)]
        if isinstance(first.result, SandboxError) and first.result.kind == HOST_FELL:
            reasons.append(f"alive: the host raised {first.result.message[:200]}")
        # At once: later runs would use up the children that an attack has killed, and nobody would know.
        reasons += self._watch.find_harm(self._owner("a"))
        if snippet.then:
            reasons += self._afterwards(snippet)
        for who in self._asked_to_answer(snippet):
            reasons += self._check_alive(who, snippet.language)
        reasons += self._watch.find_harm(self._owner("a"))
        if self._sandbox.get_peak_memory() > _MEMORY_MOST:
            reasons.append(f"limit: a child held {self._sandbox.get_peak_memory() // 2**20} MB")
        logged = self._listener.take()
        if self._secrets["canary"].is_in(logged):
            reasons.append("canary: in the host's log")
        if reasons and logged:
            reasons.append(f"logged: {' / '.join(logged)[:300]}")
        result = first.result
        ending, line = (result.kind, result.line) if isinstance(result, SandboxError) else ("done", None)
        millis = round((first.compiling + first.running) * 1000)
        return Verdict(snippet.id, tuple(dict.fromkeys(reasons)), ending, line, snippet.probe, millis)

    def _asked_to_answer(self, snippet: Snippet) -> str:
        """Say who must answer a harmless command afterwards: both where harm to others is meant, else now and then."""
        self._attacks += 1
        if snippet.probe in _HARM_OTHERS:
            return "ab"
        return "ab" if self._attacks % _NOW_AND_THEN == 0 else ""

    def _code(self, snippet: Snippet) -> str:
        named = snippet.name and self._mode.raw and snippet.language == TEMPLATE
        return f"{NAME_MARK}{snippet.name}#}}{snippet.code}" if named else snippet.code

    def _afterwards(self, snippet: Snippet) -> list[str]:
        found = []
        for who in self._mode.then:
            shot = self._shoot(who, snippet.language, snippet.then)
            if STATE_MARK in shot.join_committed():
                found.append(f"state: seen by {'another operator' if who == 'b' else 'the next run'}")
            found += self._leaks(shot, who)
        return found

    def _leaks(self, shot: AttackRun, who: str) -> list[str]:
        said = shot.list_texts()
        own = {"neighbour's memory"} if who == "b" else set()
        found = [
            f"canary: the {name} came out"
            for name in self._secrets.keys() - own
            if self._secrets[name].is_in(said)
        ]
        return found + [f"hostapi: asked {where[:80]!r}" for where in shot.network.strangers()]

    def _marks(self, snippet: Snippet, shot: AttackRun) -> list[str]:
        committed = shot.join_committed()
        if snippet.probe in _TRUST_MARKS and MARK in committed:
            return ["marker: the forbidden operation was done"]
        if snippet.probe == "commit" and f"{MARK}COMMIT" in committed:
            return ["commit: an effect of a failed run was committed"]
        return []

    def _check_alive(self, who: str, language: str) -> list[str]:
        shot = self._shoot(who, language, ALIVE[language])
        if [getattr(effect, "text", effect) for effect in shot.effects] != ["alive hello"]:
            why = shot.result.message if isinstance(shot.result, SandboxError) else "a wrong answer"
            return [f"alive: a harmless command of operator {who} failed: {why[:100]}"]
        slow = shot.compiling + shot.running > _WALL_MOST
        return [f"slow: a harmless command took {shot.running * 1000:.0f} ms"] if slow else []

    def _owner(self, who: str) -> str:
        return f"version:{who}{self._owners[who]}"

    def _shoot(self, who: str, language: str, code: str) -> AttackRun:
        """Compile and run one source, with all calls answered."""
        owner, source, network = self._owner(who), Source.from_text(language, code), Network()
        calls, outside = network.calls(), 0.0

        def call(method: str, arguments: Mapping[str, Any]) -> Any:
            nonlocal outside
            asked = time.monotonic()
            try:
                return calls.ask(method, arguments)
            finally:
                outside += time.monotonic() - asked

        job = Job(owner, source, self._data(who, language), call if language == SCRIPT else None)
        began = compiled = time.monotonic()
        try:
            fault = self._sandbox.check(owner, [source])[0]
            compiled = time.monotonic()
            result = fault or self._sandbox.run(job)
        except Exception as error:  # noqa: BLE001  whatever an attack makes the host raise is a find
            result = SandboxError(HOST_FELL, f"{type(error).__name__}: {error}")
        shot = AttackRun(result, network, compiled - began, time.monotonic() - compiled - outside)
        if isinstance(result, RunResult):
            shot.effects = _committed(result)
        elif result.kind in _DEATHS:
            self._bury(who)
        return shot

    def _bury(self, who: str) -> None:
        """Go on under another name before too many deaths would pause the owner: its processes are gone anyway."""
        self._deaths[who] += 1
        if self._deaths[who] == limits.BREAKER_CRASHES - 1:
            self._owners[who] += 1
            self._deaths[who] = 0

    def _data(self, who: str, language: str) -> dict[str, Any]:
        kept = {"k": "v", "secret": self._secrets["neighbour's memory"].value if who == "b" else "own"}
        data: dict[str, Any] = {
            "message": {
                "text": "hello",
                "kind": "text",
                "id": "m1",
                "timestamp": _NOON,
                "quoted": None,
                "media": None,
            },
            "args": {"text": "hello"},
            "sender": {"id": "1", "name": "Ama", "phone": "233201234567"},
            "chat": {"id": 3, "is_group": False},
            "match": {"text": "hello", "groups": [], "named": {}},
            "command": {"name": "attack"},
            "memory": {"contact": kept, "chat": {}, "brain": {}},
            "seed": 7,
            "clock": [_NOON, 0, "UTC"],
            "grants": sorted(GRANTS.names),
            "calls": CALLS,
            "commands": ["attack", "other"],
        }
        if language == TEMPLATE:
            data |= {
                "user": {"name": "Ama", "bio": "{{ 7 * 7 }}"},
                "history": ["one", "two"],
                "now": {"iso": "x"},
            }
        return data


def _committed(result: RunResult) -> tuple[Effect, ...]:
    if "text" in result.data:
        return (result.data["text"],)
    rules = Rules(int(_NOON * 1000), GRANTS.names, {"attack": "c1", "other": "c2"})
    try:
        return read_effects(result.data.get("fx"), rules)
    except BadEffect:
        return ()


def _excesses(shot: AttackRun) -> list[str]:
    """Say which limits were passed twice over."""
    found = []
    if max(shot.compiling, shot.running) > _WALL_MOST:
        found.append(f"slow: compiled in {shot.compiling * 1000:.0f} ms, ran {shot.running * 1000:.0f} ms")
    size = sum(len(text) for text in texts(asdict(shot.result)))
    if len(shot.result.output) > 2 * limits.OUTPUT_CHARS or size > 2 * limits.PACKET_BYTES:
        found.append(f"limit: {size} characters came out")
    if len(shot.effects) > 2 * limits.EFFECTS:
        found.append(f"limit: {len(shot.effects)} effects were committed")
    return found
