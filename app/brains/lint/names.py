"""Names that nobody knows: variables of templates, arguments, parts of `ctx`, variables of scripts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from app.brains.confined.context import Context, Http
from app.brains.confined.facades import Random
from app.brains.confined.guards import ATTRIBUTES
from app.brains.confined.memory_view import Memory
from app.brains.lint.finding import ERROR, WARNING, Code, Draft, Finding
from app.brains.program import Entry
from app.brains.sandbox.advice import suggestion
from app.brains.sandbox.facts import Fact
from app.brains.scene import Scene
from app.brains.triggers.contract import Match
from app.brains.triggers.regex import Config as Regex
from app.brains.turn import Sender, Turn

# What dictionaries of a template and records of a script can do besides.
_METHODS: Final = frozenset({"get", "keys", "values", "items"})
_QUOTED: Final = {"id": "1", "text": "hello"}
_MEDIA: Final = {"kind": "image", "mime": "image/jpeg", "caption": ""}

_ASKED: Final = ("message", "args", "sender", "chat", "match", "command", "memory", "brain", "now", "vars")

World = Mapping[str, Any]


def find(draft: Draft) -> Iterator[Finding]:
    """Find names that would raise an error when they are met."""
    for code in draft.codes:
        world = _world(draft, code)
        for fact in code.of("use", "alias", "get"):
            yield from _unknown(code, fact, world)
        yield from _forgotten(draft, code)
        for fact in code.of("nobody"):
            name = fact.texts[0]
            fix = (
                f"Write ctx.{name}."
                if name in world
                else "Check how it is written, or give it a value first."
            )
            said = f"“{name}” has no value anywhere in this script."
            yield code.finding("unknown-name", ERROR, fact, said, fix)


def _forgotten(draft: Draft, code: Code) -> Iterator[Finding]:
    """Find remembered values that a template shows as if they were always there."""
    if code.is_script or "memory" not in draft.document.grants.names:
        return
    for fact in code.of("use"):
        at = fact.texts.index("memory") if "memory" in fact.texts[:2] else len(fact.texts)
        if fact.flag or at + 1 >= len(fact.texts) or fact.texts[at + 1] in _METHODS:
            continue
        written = ".".join(fact.texts)
        said = f"“{written}” is not there until something is remembered under it; this fails before."
        fix = f'Write {{{{ {written}|default("") }}}}, or ask with “is defined”.'
        yield code.finding("may-be-missing", WARNING, fact, said, fix)


def _world(draft: Draft, code: Code) -> World:
    """Return all that a command's code can read, as nested dictionaries; what may hold anything is None."""
    entry = draft.program.by_id[code.command.id] if code.command else None
    if entry is None:
        return dict.fromkeys(_ASKED)  # what it is asked with is the scripts' business
    data = _scene(draft, entry).prompt_data({}) if code.prompt else _scene(draft, entry).data()
    if code.is_script:
        members: dict[str, Any] = dict.fromkeys(ATTRIBUTES[Context])
        seen = {name: value for name, value in data.items() if name in members}
        return {**members, **seen, **_PARTS}
    data["chat"] = {**data["chat"], "memory": None}
    return {**data, "memory": None, "brain": {"memory": None}}


def _scene(draft: Draft, entry: Entry) -> Scene:
    """Set the real scene for a command, as if a message of its kind had come."""
    someone = Sender("someone", "Someone", "1")
    turn = Turn(0, "text", "", someone, chat_id=0, at=0, now=0, seed=0, quoted=_QUOTED, media=_MEDIA)
    values = {argument.name: argument.preset for argument in entry.command.arguments}
    return Scene(draft.program, turn, entry, _match(entry), values, {}, 0)


def _match(entry: Entry) -> Match:
    trigger = entry.command.trigger
    if not isinstance(trigger, Regex):
        return Match()
    pattern = trigger.compiled
    return Match("", "", ("",) * pattern.groups, dict.fromkeys(pattern.groupindex, ""))


def _unknown(code: Code, fact: Fact, world: World) -> Iterator[Finding]:
    if fact.flag:
        return  # the template itself says what happens when it is missing
    if fact.kind == "get" and fact.texts[0] != "args":
        return  # asked for in the way that bears nothing
    found = _missing(fact.texts, world)
    if found is None:
        return
    place, known = found
    wanted, owner = fact.texts[place], fact.texts[:place]
    if owner == ("args",):
        yield _no_argument(code, fact, wanted, known)
        return
    kind = "unknown-name" if code.is_script else "unknown-variable"
    written = ".".join(("ctx", *owner) if code.is_script else owner)
    said = f"“{written}” has no “{wanted}”." if written else f"“{wanted}” is not known here."
    yield code.finding(kind, ERROR, fact, said, suggestion(wanted, known, "Check how it is written"))


def _no_argument(code: Code, fact: Fact, wanted: str, known: Sequence[str]) -> Finding:
    said = f"This command has no argument “{wanted}”."
    default = "Add it under Arguments, or check how it is written"
    # .get(...) gives None; everything else is an error when the line is reached.
    severity = WARNING if fact.kind == "get" else ERROR
    return code.finding("unknown-argument", severity, fact, said, suggestion(wanted, known, default))


def _missing(path: Sequence[str], world: World) -> tuple[int, list[str]] | None:
    """Return which step of a path leads nowhere, and what there is instead; None when all is well."""
    at: Any = world
    for place, step in enumerate(path):
        if isinstance(at, list):
            return _no_item(place, step, len(at))
        if not isinstance(at, Mapping) or (step in _METHODS and place):
            return None
        if step not in at:
            return place, sorted(at)
        at = at[step]
    return None


def _no_item(place: int, step: str, count: int) -> tuple[int, list[str]] | None:
    if not step.isdecimal() or int(step) < count:
        return None
    return place, [str(number) for number in range(count)]


_PARTS: Final[World] = {
    name: dict.fromkeys(ATTRIBUTES[kind])
    for name, kind in (("http", Http), ("random", Random), ("memory", Memory))
}
