"""Lint rules for unknown names: template variables, arguments, parts of `ctx`, script variables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from app.brains.capabilities import CALLS
from app.brains.confined.context import Context
from app.brains.confined.facades import Random
from app.brains.confined.guards import ATTRIBUTES
from app.brains.confined.memory_view import Memory
from app.brains.lint.finding import ERROR, WARNING, Code, Draft, Finding
from app.brains.runtime.program import Entry
from app.brains.runtime.sandbox_job import RenderContext
from app.brains.sandbox.advice.advice import suggest
from app.brains.sandbox.source_facts import Fact
from app.brains.triggers.contract import Match
from app.brains.triggers.regex import Config as Regex
from app.brains.turn import Sender, Turn, Understanding
from app.channels.content import received

# What dictionaries of a template and records of a script can do besides.
_METHODS: Final = frozenset({"get", "keys", "values", "items"})
_QUOTED: Final = {"id": "1", "text": "hello"}
_MEDIA: Final = {"kind": "image", "mime": "image/jpeg", "caption": ""}
# The fields of every kind, since a command may be for any; what lies within them may be anything.
_DATA: Final = {name: None for kind in received.KINDS for name in kind().to_dict()}

_PROMPT_NAMES: Final = (
    "message",
    "args",
    "sender",
    "chat",
    "match",
    "command",
    "memory",
    "brain",
    "now",
    "vars",
)

Namespace = Mapping[str, Any]


def find(draft: Draft) -> Iterator[Finding]:
    """Find names that would raise an error when they are evaluated."""
    for code in draft.codes:
        world = _build_namespace(draft, code)
        for fact in code.list_facts("use", "alias", "get"):
            yield from _find_unknown_names(code, fact, world)
        yield from _find_unguarded_memory(draft, code)
        yield from _find_unguarded_arguments(code)
        for fact in code.list_facts("nobody"):
            name = fact.texts[0]
            fix = (
                f"Write ctx.{name}."
                if name in world
                else "Check how it is written, or give it a value first."
            )
            message = f"“{name}” has no value anywhere in this script."
            yield code.build_finding("unknown-name", ERROR, fact, message, fix)


def _find_unguarded_memory(draft: Draft, code: Code) -> Iterator[Finding]:
    """Find variables that a template shows as if they always existed."""
    if code.is_script or "memory" not in draft.document.grants.names:
        return
    for fact in code.list_facts("use"):
        at = fact.texts.index("memory") if "memory" in fact.texts[:2] else len(fact.texts)
        if fact.flag or at + 1 >= len(fact.texts) or fact.texts[at + 1] in _METHODS:
            continue
        written = ".".join(fact.texts)
        message = f"“{written}” is not there until the variable is set; this fails before."
        fix = f'Write {{{{ {written}|default("") }}}}, or ask with “is defined”.'
        yield code.build_finding("may-be-missing", WARNING, fact, message, fix)


def _find_unguarded_arguments(code: Code) -> Iterator[Finding]:
    """Find optional arguments that a script writes into a text as if they always had a value."""
    declared = code.command.arguments if code.command else ()
    empty = {each.name for each in declared if not each.required and each.default is None}
    for fact in code.list_facts("shown"):
        name = fact.texts[1] if len(fact.texts) > 1 else ""
        if name in empty:
            message = f"“{name}” may be left out; then the word “None” stands in this text."
            fix = f'Write {{ctx.args.{name} or ""}}, or give the argument a default.'
            yield code.build_finding("may-be-missing", WARNING, fact, message, fix)


def _build_namespace(draft: Draft, code: Code) -> Namespace:
    """Return all names a command's code can read, as nested dictionaries; None where anything may be."""
    entry = draft.program.by_id[code.command.id] if code.command else None
    if entry is None:
        return dict.fromkeys(_PROMPT_NAMES)  # what it is asked with is the scripts' business
    data = (
        _build_context(draft, entry).to_prompt_data({})
        if code.prompt
        else _build_context(draft, entry).to_data()
    )
    if code.is_script:
        members: dict[str, Any] = dict.fromkeys(ATTRIBUTES[Context])
        seen = {name: value for name, value in data.items() if name in members}
        return {**members, **seen, **_PARTS, **_build_call_names()}
    data["chat"] = {**data["chat"], "memory": None}
    return {**data, "memory": None, "brain": {"memory": None}}


def _build_context(draft: Draft, entry: Entry) -> RenderContext:
    """Build the context of a command as for a message of its kind."""
    someone = Sender("someone", "Someone", "1")
    turn = Turn(
        0, "text", "", someone, chat_id=0, at=0, now=0, seed=0, quoted=_QUOTED, media=_MEDIA, data=_DATA,
        understanding=_build_understanding(draft),
    )  # fmt: skip
    values = {argument.name: argument.default_value for argument in entry.command.arguments}
    return RenderContext(draft.program, turn, entry, _build_match(entry), values, {}, 0)


def _build_understanding(draft: Draft) -> Understanding:
    """Build what is understood of a message that has all entities of all intents."""
    names = [entity.name for intent in draft.document.intents for entity in intent.entities]
    return Understanding((("", 0.0),), entities=dict.fromkeys(names))


def _build_match(entry: Entry) -> Match:
    trigger = entry.command.trigger
    if not isinstance(trigger, Regex):
        return Match()
    pattern = trigger.compiled_pattern
    return Match("", "", ("",) * pattern.groups, dict.fromkeys(pattern.groupindex, ""))


def _find_unknown_names(code: Code, fact: Fact, world: Namespace) -> Iterator[Finding]:
    if fact.flag:
        return  # the template itself says what happens when it is missing
    if fact.kind == "get" and fact.texts[0] != "args":
        return  # asked for in the way that bears nothing
    found = _find_missing_step(fact.texts, world)
    if found is None:
        return
    place, known = found
    wanted, owner = fact.texts[place], fact.texts[:place]
    if owner == ("args",):
        yield _report_unknown_argument(code, fact, wanted, known)
        return
    kind = "unknown-name" if code.is_script else "unknown-variable"
    written = ".".join(("ctx", *owner) if code.is_script else owner)
    message = f"“{written}” has no “{wanted}”." if written else f"“{wanted}” is not known here."
    yield code.build_finding(kind, ERROR, fact, message, suggest(wanted, known, "Check how it is written"))


def _report_unknown_argument(code: Code, fact: Fact, wanted: str, known: Sequence[str]) -> Finding:
    message = f"This command has no argument “{wanted}”."
    default = "Add it under Arguments, or check how it is written"
    # .get(...) gives None; everything else is an error when the line is reached.
    severity = WARNING if fact.kind == "get" else ERROR
    return code.build_finding("unknown-argument", severity, fact, message, suggest(wanted, known, default))


def _find_missing_step(path: Sequence[str], world: Namespace) -> tuple[int, list[str]] | None:
    """Return the step of a path that does not exist, and the names that do; None when all exist."""
    at: Any = world
    for place, step in enumerate(path):
        if isinstance(at, list):
            return _check_index(place, step, len(at))
        if not isinstance(at, Mapping) or (step in _METHODS and place):
            return None
        if step not in at:
            return place, sorted(at)
        at = at[step]
    return None


def _check_index(place: int, step: str, count: int) -> tuple[int, list[str]] | None:
    if not step.isdecimal() or int(step) < count:
        return None
    return place, [str(number) for number in range(count)]


def _build_call_names() -> Namespace:
    """Return what capabilities let a script call: None for a call, its methods for a group of calls."""
    names: dict[str, Any] = {}
    for path in CALLS:
        attribute, _, method = path.partition(".")
        if method:
            names.setdefault(attribute, {})[method] = None
        else:
            names[attribute] = None
    return names


_PARTS: Final[Namespace] = {
    name: dict.fromkeys(ATTRIBUTES[kind]) for name, kind in (("random", Random), ("memory", Memory))
}
