"""A compiled brain version: which command fires on a turn, and why the others do not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from app.brains import arguments as args
from app.brains.document import Command, Document, Restrict, ScriptAction
from app.brains.problems import parse_document
from app.brains.prompts import Prompt, PromptAction
from app.brains.sandbox.wire import SCRIPT, TEMPLATE, Source
from app.brains.triggers import KINDS
from app.brains.triggers.contract import Heard, Match, TriggerKind, fold, hear
from app.brains.turn import Sender, Turn
from app.db import storable


@dataclass(frozen=True, slots=True)
class Text:
    """A template; `literal` when it holds no template syntax and needs no sandbox."""

    source: Source
    literal: bool


@dataclass(frozen=True, slots=True)
class Prompted:
    """A prompt with its two templates."""

    prompt: Prompt
    system: Text
    user: Text


@dataclass(frozen=True, slots=True)
class Entry:
    """A command with all that can be worked out before the first message."""

    command: Command
    kind: TriggerKind
    texts: tuple[Text, ...]
    usage: str
    allow: frozenset[str]
    deny: frozenset[str]
    lost: Mapping[str, str]  # its line in a trace when it did not fire
    script: Source | None = None
    prompt: Prompted | None = None
    looks: bool = False  # may look at the memory
    asks: bool = False  # may ask a prompt of the brain
    names_commands: bool = False  # may call or schedule commands


@dataclass(frozen=True, slots=True)
class Program:
    """A brain version ready to run; immutable, so it can be kept and shared between threads.

    `owner` names it to the sandbox: no two owners share a process. `commands` leads from a folded name to an id.
    """

    version_id: int
    brain_id: int
    document: Document
    entries: tuple[Entry, ...]
    zone: ZoneInfo
    has_cooldowns: bool
    owner: str
    grants: tuple[str, ...]
    needs_memory: bool
    by_id: Mapping[str, Entry] = field(repr=False)
    commands: Mapping[str, str] = field(repr=False)
    prompts: Mapping[str, Prompted] = field(default_factory=dict, repr=False)
    past_turns: int = 0  # of a chat, that a prompt may want


@dataclass(frozen=True, slots=True)
class Choice:
    """The command that fired, with its match, and what keeps it from answering."""

    entry: Entry
    match: Match
    blocked: str = ""  # in words
    message: str | None = None  # what to say instead of nothing


@dataclass(frozen=True, slots=True)
class Explained:
    """What one command would do on a turn: won, blocked, shadowed (an earlier one answers), lost or off."""

    command_id: str
    name: str
    verdict: str
    why: str


def compile_program(version_id: int, brain_id: int, document: Mapping[str, Any]) -> Program:
    """Check and compile a document; raises InvalidDocument with every problem."""
    # Tests decide nothing at run time: a wrong one must not keep the brain from running.
    checked = parse_document({**document, "tests": ()})
    # Anything else is asked last, wherever it stands.
    commands = sorted(checked.commands, key=lambda command: command.trigger.kind == "fallback")
    prefix = next(iter(checked.settings.prefixes), "")
    prompts = {each.name: Prompted(each, _text(each.system), _text(each.user)) for each in checked.prompts}
    entries = tuple(_entry(command, prefix, prompts) for command in commands)
    granted = checked.grants.names
    return Program(
        version_id,
        brain_id,
        checked,
        entries,
        ZoneInfo(checked.settings.timezone),
        any(command.enabled and command.restrict.cooldown for command in commands),
        f"version:{version_id}" if version_id else f"draft:{brain_id}",
        tuple(sorted(granted)),
        "memory" in granted and any(entry.looks and entry.command.enabled for entry in entries),
        {entry.command.id: entry for entry in entries},
        {fold(command.name): command.id for command in commands},
        prompts,
        _past_turns(entries, prompts),
    )


def choose(program: Program, turn: Turn) -> tuple[Choice | None, int]:
    """Return the first command that fires, and how many entries were asked before it.

    A turn that names its command gets that one, whatever triggers and restrictions say.
    """
    if turn.command_id is not None:
        return _named(program, turn), 0
    heard = hear(turn, program.document.settings.prefixes)
    for index, entry in enumerate(program.entries):
        if entry.command.enabled and (match := entry.kind.match(entry.command.trigger, heard)):
            return _judge(entry, match, turn), index
    return None, len(program.entries)


def _named(program: Program, turn: Turn) -> Choice | None:
    entry = program.by_id.get(turn.command_id or "")
    if entry is None:
        return None
    blocked = "" if entry.command.enabled else "is switched off"
    return Choice(entry, Match(storable(turn.text).strip()), blocked)


def explain(program: Program, turn: Turn) -> list[Explained]:
    """Say for every command what it would do on this turn, in the order in which they are asked."""
    heard = hear(turn, program.document.settings.prefixes)
    lines: list[Explained] = []
    winner = ""
    for entry in program.entries:
        verdict, why = _verdict(entry, heard, winner)
        if verdict in {"won", "blocked"}:
            winner = entry.command.name
        lines.append(Explained(entry.command.id, entry.command.name, verdict, why))
    return lines


def cooldown_scope(command: Command, turn: Turn) -> str:
    """Name whom a command rests for: contact:<id>, chat:<id> or brain."""
    per = command.restrict.cooldown.per if command.restrict.cooldown else "brain"
    if per == "brain":
        return "brain"
    # In a group the person may not be known; the group then rests as a whole.
    known = per == "contact" and turn.contact_id is not None
    return f"contact:{turn.contact_id}" if known else f"chat:{turn.chat_id}"


def _text(template: str) -> Text:
    return Text(Source.of(TEMPLATE, template), "{" not in template)


def _past_turns(entries: Sequence[Entry], prompts: Mapping[str, Prompted]) -> int:
    """Return how many past turns of a chat the brain's commands may want at most."""
    if not any(entry.asks and entry.command.enabled for entry in entries):
        return 0
    return max((each.prompt.memory.turns for each in prompts.values()), default=0)


def _entry(command: Command, prefix: str, prompts: Mapping[str, Prompted]) -> Entry:
    kind = KINDS[command.trigger.kind]
    why = kind.explain(command.trigger) if command.enabled else "is switched off"
    action = command.action
    script = Source.of(SCRIPT, action.source) if isinstance(action, ScriptAction) else None
    prompt = prompts.get(action.prompt) if isinstance(action, PromptAction) else None
    asked = (
        [prompt] if prompt else list(prompts.values()) if _mentions(script, "ai", "call", "getattr") else []
    )
    texts = [*action.texts, *(text for each in asked for text in (each.prompt.system, each.prompt.user))]
    return Entry(
        command,
        kind,
        tuple(map(_text, action.texts)),
        args.usage(kind.opening(command.trigger, prefix) or command.name, command.arguments),
        _people(command.restrict.allow),
        _people(command.restrict.deny),
        {"command": command.id, "verdict": "lost" if command.enabled else "off", "why": why},
        script,
        prompt,
        _mentions(script, "memory", "call", "getattr") or any("memory" in text for text in texts),
        bool(asked),
        _mentions(script, "call", "schedule", "getattr"),
    )


def _mentions(script: Source | None, *words: str) -> bool:
    """Tell whether a script may use something: what it never names costs nothing to leave out."""
    return script is not None and any(word in script.text for word in words)


def _people(names: Sequence[str]) -> frozenset[str]:
    return frozenset(map(_person, names))


def _person(name: str) -> str:
    """Write a phone number as bare digits, so that +233 20-123 is found; leave user ids alone."""
    bare = name.strip().translate(_PHONE_MARKS)
    return bare if bare.isdecimal() else name.strip()


_PHONE_MARKS = str.maketrans("", "", "+ -()./")


def _verdict(entry: Entry, heard: Heard, winner: str) -> tuple[str, str]:
    match = entry.kind.match(entry.command.trigger, heard) if entry.command.enabled else None
    if match is None:
        return entry.lost["verdict"], entry.lost["why"]
    if winner:
        return "shadowed", f"would fire, but “{winner}” is asked first"
    choice = _judge(entry, match, heard.turn)
    return (
        ("blocked", choice.blocked) if choice.blocked else ("won", entry.kind.explain(entry.command.trigger))
    )


def _judge(entry: Entry, match: Match, turn: Turn) -> Choice:
    """Apply the command's restrictions."""
    restrict = entry.command.restrict
    if blocked := _restricted(entry, restrict, turn):
        return Choice(entry, match, blocked)
    if restrict.cooldown:
        left = turn.cooldowns.get((entry.command.id, cooldown_scope(entry.command, turn)), 0) - turn.now
        if left > 0:
            return Choice(entry, match, f"rests for {-(-left // 1000)} s more", restrict.cooldown.message)
    return Choice(entry, match)


def _restricted(entry: Entry, restrict: Restrict, turn: Turn) -> str:
    if restrict.chats == "direct" and turn.is_group:
        return "runs in direct chats only"
    if restrict.chats == "group" and not turn.is_group:
        return "runs in groups only"
    if entry.allow or entry.deny:
        names = _names(turn.sender)
        if entry.deny & names:
            return "is denied to this person"
        if entry.allow and not entry.allow & names:
            return "is not allowed to this person"
    return ""


def _names(sender: Sender) -> frozenset[str]:
    return frozenset(_person(name) for name in (sender.id, sender.phone) if name)
