"""Some commands of a brain as a file of their own, and the commands of a file added to a brain."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import chain, count
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from app.brains.document import Command
from app.brains.prompts import Prompt
from app.brains.triggers.contract import fold

Draft = dict[str, Any]
Row = Mapping[str, Any]

_AI: Final = re.compile(r"\bai\b")
_HTTP: Final = re.compile(r"\bhttp\b")


@dataclass(frozen=True, slots=True)
class Merged:
    """A draft with the commands of a file, how many came, and what is worth knowing of them, in words."""

    document: Draft
    count: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Taken:
    """Ids and folded names that commands have."""

    ids: set[Any]
    names: set[str]


def selection(draft: Row, ids: Collection[str]) -> Draft:
    """Return a brain of only these commands, with the groups, prompts and permissions they may need."""
    commands = [each for each in draft.get("commands", []) if each["id"] in ids]
    scripts = "\n".join(_source(each) for each in commands)
    asked = {_prompt(each) for each in commands}
    groups = {fold(str(each.get("group") or "")) for each in commands}
    chosen: Draft = {
        "commands": commands,
        "prompts": [each for each in _rows(draft, "prompts") if each.get("name") in asked | _names(scripts)],
        "groups": [each for each in _rows(draft, "groups") if fold(str(each.get("name"))) in groups],
        "grants": _needed(draft.get("grants"), ai=asked != {""} or bool(_AI.search(scripts)), script=scripts),
    }
    kept = {name: draft[name] for name in ("brain", "title", "settings") if name in draft}
    return {**kept, **{name: value for name, value in chosen.items() if value}}


def added(draft: Row, file: Row, new_id: Callable[[], str]) -> Merged:
    """Add the commands of a file behind those of a draft; the settings and tests of the file stay behind.

    Nothing of the draft changes. A command that is there already, word for word, is left out; one that shares an id or
    a name with another gets its own, as does a prompt.
    """
    notes: list[str] = []
    prompts, called = _prompts(draft, file, notes)
    here = _rows(draft, "commands")
    same = [_content(each) for each in here]
    known: list[str] = []
    taken = _Taken({each.get("id") for each in here}, {fold(str(each.get("name"))) for each in here})
    fresh: list[Draft] = []
    for each in _rows(file, "commands"):
        own = _renamed_prompt(each, called)
        if _content(own) in same:
            known.append(f"“{each.get('name')}”")
            continue
        fresh.append(_distinct(own, taken, new_id, notes))
    groups = [*_rows(draft, "groups"), *_groups(draft, file, fresh)]
    notes += [f"There already, word for word, and left out: {', '.join(known)}."] if known else []
    notes += _left_behind(file)
    whole = {"groups": groups, "commands": [*here, *fresh], "prompts": [*_rows(draft, "prompts"), *prompts]}
    return Merged(
        {**draft, **{key: value for key, value in whole.items() if value or key in draft}},
        len(fresh),
        tuple(notes),
    )


def _distinct(command: Draft, taken: _Taken, new_id: Callable[[], str], notes: list[str]) -> Draft:
    """Give a command an id and a name that nobody has, and take them."""
    wanted = str(command.get("name") or "Unnamed")
    name = free_name(wanted, taken.names)
    if name != wanted:
        notes.append(
            f"There is another “{wanted}” already: the new one becomes “{name}”. Scripts that name it mean the old one."
        )
    own_id = new_id() if command.get("id") in taken.ids else command.get("id")
    taken.ids.add(own_id)
    taken.names.add(fold(name))
    return {**command, "id": own_id, "name": name}


def _prompts(draft: Row, file: Row, notes: list[str]) -> tuple[list[Draft], dict[str, str]]:
    """Return the prompts to add and what each prompt of the file is called here."""
    here = {str(each.get("name")): each for each in _rows(draft, "prompts")}
    fresh: list[Draft] = []
    called: dict[str, str] = {}
    for each in _rows(file, "prompts"):
        name = str(each.get("name"))
        called[name] = (
            name
            if _plain(Prompt, here.get(name, each)) == _plain(Prompt, each)
            else free_name(name, set(here), "-")
        )
        if called[name] not in here:
            here[called[name]] = {**each, "name": called[name]}
            fresh.append(here[called[name]])
        if called[name] != name:
            notes.append(f"There is another prompt “{name}” already: the new one becomes “{called[name]}”.")
    return fresh, called


def _renamed_prompt(command: Row, called: Mapping[str, str]) -> Draft:
    action = command.get("action")
    asked = _prompt(command)
    if not isinstance(action, Mapping) or called.get(asked, asked) == asked:
        return dict(command)
    return {**command, "action": {**action, "prompt": called[asked]}}


def _groups(draft: Row, file: Row, fresh: list[Draft]) -> list[Draft]:
    """Return the groups of new commands that the draft does not have."""
    known = {fold(str(each.get("name"))) for each in _rows(draft, "groups")}
    wanted = {fold(str(each["group"])) for each in fresh if each.get("group")} - known
    return [each for each in _rows(file, "groups") if fold(str(each.get("name"))) in wanted]


def _left_behind(file: Row) -> list[str]:
    tests = len(_rows(file, "tests"))
    left = [f"{tests} test{'s' if tests != 1 else ''}"] if tests else []
    left += ["the settings"] if file.get("settings") else []
    return (
        [f"Not taken over: {' and '.join(left)} of the file. They belong to a whole brain."] if left else []
    )


def _needed(grants: Any, *, ai: bool, script: str) -> Draft:
    """Leave out the permissions that no command of a selection can use."""
    kept = dict(grants) if isinstance(grants, Mapping) else {}
    if not ai:
        kept.pop("ai", None)
    if not _HTTP.search(script):
        kept.pop("http", None)
    return kept


def free_name(wanted: str, taken: Collection[str], joint: str = " ") -> str:
    """Return a name that is not taken, with a number behind it if need be; `taken` holds folded names."""
    stem = wanted[: 95 if joint == " " else 55]
    names = chain((wanted,), (f"{stem}{joint}{n}" for n in count(2)))
    return next(name for name in names if fold(name) not in taken)


def _content(command: Row) -> Draft:
    """Return what a command is, however it is written: without its id and group, and without what is at its default."""
    own = _plain(Command, command)
    return {name: value for name, value in own.items() if name not in {"id", "group"}}


def _plain(kind: type[BaseModel], row: Row) -> Draft:
    try:
        return kind.model_validate(dict(row)).model_dump(mode="json", exclude_defaults=True)
    except ValidationError:
        return dict(row)


def _source(command: Row) -> str:
    action = command.get("action")
    return str(action.get("source") or "") if isinstance(action, Mapping) else ""


def _prompt(command: Row) -> str:
    action = command.get("action")
    return str(action.get("prompt") or "") if isinstance(action, Mapping) else ""


def _names(script: str) -> set[str]:
    """Return every quoted word of a script: it may be the name of a prompt."""
    return set(re.findall(r"[\"']([a-z][a-z0-9_-]{0,59})[\"']", script))


def _rows(document: Row, section: str) -> list[Draft]:
    return list(document.get(section) or [])
