"""Compiled brain: trigger matching, cooldown and restriction checks, reasons why commands do not answer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any
from zoneinfo import ZoneInfo

from app.brains.document import arguments as args
from app.brains.document.prompts import Prompt, PromptAction
from app.brains.document.schema import Command, Document, ScriptAction
from app.brains.document.understanding import FindModel, build_reader
from app.brains.document.validation import parse_document
from app.brains.nlu.message_reader import Reader
from app.brains.runtime.trace import ConsideredLine
from app.brains.sandbox.types import SCRIPT, TEMPLATE, Source
from app.brains.text import fold
from app.brains.text_fill import TextFill, read_text_fill
from app.brains.triggers import KINDS
from app.brains.triggers.contract import TriggerKind
from app.immutable import immutable
from app.phone_numbers import normalise_person


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
    reader: Reader | None = field(default=None, repr=False)  # understands texts


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
        checked.settings.did_you_mean is not None
        or ("memory" in granted and any(each.can_read_memory and each.command.enabled for each in entries)),
        {entry.command.id: entry for entry in entries},
        {fold(command.name): command.id for command in commands},
        prompts,
        _count_past_turns(entries, prompts),
        build_reader(checked, find_model),
    )


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
