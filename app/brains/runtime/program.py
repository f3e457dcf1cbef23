"""Compiled brain: trigger matching, cooldown and restriction checks, reasons why commands do not answer."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any
from zoneinfo import ZoneInfo

from app.brains.document import arguments as args
from app.brains.document.prompts import Prompt, PromptAction
from app.brains.document.schema import Command, Document, Restrictions, ScriptAction
from app.brains.document.understanding import FindModel, build_reader
from app.brains.document.validation import parse_document
from app.brains.runtime.trace import Cause, ConsideredLine
from app.brains.sandbox.types import SCRIPT, TEMPLATE, Source
from app.brains.text import fold
from app.brains.text_fill import TextFill, read_text_fill
from app.brains.triggers import KINDS
from app.brains.triggers.contract import Match, MatchInput, TriggerKind, build_match_input
from app.brains.turn import Sender, Turn, Understanding
from app.immutable import immutable
from app.phone_numbers import normalise_person
from app.text import to_storable


@immutable
class CompiledTemplate:
    """Template; `is_literal` when it has no template syntax and needs no sandbox, `fill` when it may need none."""

    source: Source
    is_literal: bool
    fill: TextFill | None = None


@immutable
class CompiledPrompt:
    """Prompt with its two compiled templates."""

    prompt: Prompt
    system: CompiledTemplate
    user: CompiledTemplate


@immutable
class Entry:
    """Compiled command with everything computed before the first message."""

    command: Command
    kind: TriggerKind
    texts: tuple[CompiledTemplate, ...]
    usage: str
    allow: frozenset[str]
    deny: frozenset[str]
    miss_trace: ConsideredLine  # its line in a trace when it did not fire
    script: Source | None = None
    prompt: CompiledPrompt | None = None
    can_read_memory: bool = False  # may look at the memory
    can_ask_prompts: bool = False  # may ask a prompt of the brain
    can_call_commands: bool = False  # may call or schedule commands
    can_read_intents: bool = False  # may look at the language, the intent or the entities of the message


@immutable
class Program:
    """Compiled brain version; immutable, cached and shared between threads.

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
    prompts: Mapping[str, CompiledPrompt] = field(default_factory=dict, repr=False)
    past_turns: int = 0  # of a chat, that a prompt may want
    read: Callable[[str], Understanding] | None = field(default=None, repr=False)  # understands a text


@immutable
class Choice:
    """Command that matched, with its match and, if it may not answer, the reason."""

    entry: Entry
    match: Match
    block_reason: str = ""  # in words
    message: str | None = None  # what to say instead of nothing
    block_cause: str = ""


@immutable
class CommandExplanation:
    """What one command would do on a turn: won, blocked, shadowed (an earlier one answers), lost or off."""

    command_id: str
    name: str
    verdict: str
    why: str


def compile_program(
    version_id: int, brain_id: int, document: Mapping[str, Any], find_model: FindModel | None = None
) -> Program:
    """Check and compile a document; raises InvalidDocument. Without `find_model` its intents are their examples."""
    # Tests decide nothing at run time: a wrong one must not keep the brain from running.
    checked = parse_document({**document, "tests": ()})
    # The fallback is checked last, wherever it stands.
    commands = sorted(checked.commands, key=lambda command: KINDS[command.trigger.kind].traits.is_last)
    prefix = next(iter(checked.settings.prefixes), "")
    prompts = {
        each.name: CompiledPrompt(each, _compile_template(each.system), _compile_template(each.user))
        for each in checked.prompts
    }
    entries = tuple(_compile_command(command, prefix, prompts) for command in commands)
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
        "memory" in granted and any(entry.can_read_memory and entry.command.enabled for entry in entries),
        {entry.command.id: entry for entry in entries},
        {fold(command.name): command.id for command in commands},
        prompts,
        _count_past_turns(entries, prompts),
        build_reader(checked, find_model).read,
    )


def choose(program: Program, turn: Turn) -> tuple[Choice | None, int]:
    """Return the first command that matches, and the number of commands checked before it.

    A turn that names its command gets that one, whatever triggers and restrictions say.
    """
    return choose_for(program, prepare_match(program, turn))


def prepare_match(program: Program, turn: Turn) -> MatchInput:
    """Prepare a turn for `choose_for`, after which it says what was understood of the message, if anything asked."""
    return build_match_input(turn, program.document.settings.prefixes, program.read)


def choose_for(program: Program, match_input: MatchInput) -> tuple[Choice | None, int]:
    """Return what `choose` does, for a turn that was prepared."""
    turn = match_input.turn
    if turn.command_id is not None:
        return _choose_named(program, turn), 0
    for index, entry in enumerate(program.entries):
        if entry.command.enabled and (match := entry.kind.match(entry.command.trigger, match_input)):
            return _apply_restrictions(entry, match, turn), index
    return None, len(program.entries)


def _choose_named(program: Program, turn: Turn) -> Choice | None:
    entry = program.by_id.get(turn.command_id or "")
    if entry is None:
        return None
    match = Match(to_storable(turn.text).strip())
    if entry.command.enabled:
        return Choice(entry, match)
    return Choice(entry, match, "is switched off", block_cause=Cause.DISABLED)


def explain(program: Program, turn: Turn) -> list[CommandExplanation]:
    """Return for every command, in matching order, what it would do on this turn."""
    match_input = prepare_match(program, turn)
    lines: list[CommandExplanation] = []
    winner = ""
    for entry in program.entries:
        verdict, why = _compute_verdict(entry, match_input, winner)
        if verdict in {"won", "blocked"}:
            winner = entry.command.name
        lines.append(CommandExplanation(entry.command.id, entry.command.name, verdict, why))
    return lines


def build_cooldown_scope(command: Command, turn: Turn) -> str:
    """Return the scope of a command's cooldown: contact:<id>, chat:<id> or brain."""
    per = command.restrict.cooldown.per if command.restrict.cooldown else "brain"
    if per == "brain":
        return "brain"
    # In a group the person may not be known; the group then rests as a whole.
    known = per == "contact" and turn.contact_id is not None
    return f"contact:{turn.contact_id}" if known else f"chat:{turn.chat_id}"


def _compile_template(template: str) -> CompiledTemplate:
    source = Source.from_text(TEMPLATE, template)
    return CompiledTemplate(source, "{" not in template, read_text_fill(template))


def _count_past_turns(entries: Sequence[Entry], prompts: Mapping[str, CompiledPrompt]) -> int:
    """Return the largest number of past turns that the brain's commands may need."""
    if not any(entry.can_ask_prompts and entry.command.enabled for entry in entries):
        return 0
    return max((each.prompt.memory.turns for each in prompts.values()), default=0)


def _compile_command(command: Command, prefix: str, prompts: Mapping[str, CompiledPrompt]) -> Entry:
    kind = KINDS[command.trigger.kind]
    why = kind.explain(command.trigger) if command.enabled else "is switched off"
    opening = (kind.traits.takes_arguments and kind.sample(command.trigger, prefix)) or command.name
    action = command.action
    script = Source.from_text(SCRIPT, action.source) if isinstance(action, ScriptAction) else None
    prompt = prompts.get(action.prompt) if isinstance(action, PromptAction) else None
    usable_prompts = (
        [prompt] if prompt else list(prompts.values()) if _mentions(script, "ai", "call", "getattr") else []
    )
    texts = [
        *action.texts,
        *(text for each in usable_prompts for text in (each.prompt.system, each.prompt.user)),
    ]
    return Entry(
        command,
        kind,
        tuple(map(_compile_template, action.texts)),
        args.format_usage(opening, command.arguments),
        _normalise_people(command.restrict.allow),
        _normalise_people(command.restrict.deny),
        {"command": command.id, "verdict": "lost" if command.enabled else "off", "why": why},
        script,
        prompt,
        _mentions(script, "memory", "call", "getattr") or any("memory" in text for text in texts),
        bool(usable_prompts),
        _mentions(script, "call", "schedule", "getattr"),
        any(map(_INTENT_WORDS.search, [*texts, script.text] if script else texts)),
    )


# Without one of these, code looks at nothing that is understood of a message.
_INTENT_WORDS = re.compile(r"language|intent|confid|entit|candid|items|values|getattr|(?:message|match)\[")


def _mentions(script: Source | None, *words: str) -> bool:
    """Tell whether a script may use one of these words; what it never names need not be loaded."""
    return script is not None and any(word in script.text for word in words)


def _normalise_people(names: Sequence[str]) -> frozenset[str]:
    return frozenset(map(normalise_person, names))


def _compute_verdict(entry: Entry, match_input: MatchInput, winner: str) -> tuple[str, str]:
    match = entry.kind.match(entry.command.trigger, match_input) if entry.command.enabled else None
    if match is None:
        return entry.miss_trace["verdict"], entry.miss_trace["why"]
    if winner:
        return "shadowed", f"would match, but “{winner}” is checked first"
    choice = _apply_restrictions(entry, match, match_input.turn)
    return (
        ("blocked", choice.block_reason)
        if choice.block_reason
        else ("won", entry.kind.explain(entry.command.trigger))
    )


def _apply_restrictions(entry: Entry, match: Match, turn: Turn) -> Choice:
    """Apply the command's restrictions and cooldown."""
    restrict = entry.command.restrict
    if blocked := _find_restriction(entry, restrict, turn):
        return Choice(entry, match, blocked, block_cause=Cause.RESTRICTION)
    if restrict.cooldown:
        left = turn.cooldowns.get((entry.command.id, build_cooldown_scope(entry.command, turn)), 0) - turn.now
        if left > 0:
            why = f"rests for {-(-left // 1000)} s more"
            return Choice(entry, match, why, restrict.cooldown.message, Cause.COOLDOWN)
    return Choice(entry, match)


def _find_restriction(entry: Entry, restrict: Restrictions, turn: Turn) -> str:
    if restrict.chats == "direct" and turn.is_group:
        return "runs in direct chats only"
    if restrict.chats == "group" and not turn.is_group:
        return "runs in groups only"
    if entry.allow or entry.deny:
        names = _list_names(turn.sender)
        if entry.deny & names:
            return "is denied to this person"
        if entry.allow and not entry.allow & names:
            return "is not allowed to this person"
    return ""


def _list_names(sender: Sender) -> frozenset[str]:
    return frozenset(normalise_person(name) for name in (sender.id, sender.phone) if name)
