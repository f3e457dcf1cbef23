"""Export of selected commands as a document, and adding a document's commands to a draft."""

import re
from collections.abc import Callable, Collection, Mapping
from itertools import chain, count
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from app.brains.document.prompts import Prompt
from app.brains.document.schema import Command
from app.brains.text import fold
from app.immutable import immutable

Draft = dict[str, Any]
Row = Mapping[str, Any]

_AI: Final = re.compile(r"\bai\b")
_HTTP: Final = re.compile(r"\bhttp\b")


@immutable
class MergeResult:
    """Draft with the added commands, their number, and notes for the operator."""

    document: Draft
    count: int
    notes: tuple[str, ...] = ()


@immutable
class _UsedNames:
    """Ids and folded names of existing commands."""

    ids: set[Any]
    names: set[str]


def extract_commands(draft: Row, ids: Collection[str]) -> Draft:
    """Return a document of only these commands, with the groups, prompts, intents and permissions they may need."""
    commands = [each for each in draft.get("commands", []) if each["id"] in ids]
    scripts = "\n".join(_get_source(each) for each in commands)
    prompt_names = {_get_prompt_name(each) for each in commands}
    groups = {fold(str(each.get("group") or "")) for each in commands}
    intents = {_get_intent_name(each) for each in commands}
    chosen: Draft = {
        "commands": commands,
        "prompts": [
            each
            for each in _list_rows(draft, "prompts")
            if each.get("name") in prompt_names | _find_quoted_words(scripts)
        ],
        "intents": [each for each in _list_rows(draft, "intents") if each.get("name") in intents],
        "groups": [each for each in _list_rows(draft, "groups") if fold(str(each.get("name"))) in groups],
        "grants": _select_grants(
            draft.get("grants"), ai=prompt_names != {""} or bool(_AI.search(scripts)), script=scripts
        ),
    }
    kept = {name: draft[name] for name in ("brain", "title", "settings") if name in draft}
    return {**kept, **{name: value for name, value in chosen.items() if value}}


def add_commands(draft: Row, file: Row, new_id: Callable[[], str]) -> MergeResult:
    """Append the commands of a file to a draft; the file's settings and tests are ignored.

    Nothing of the draft changes. A command that is there already, word for word, is left out; one that shares an id or
    a name with another gets its own, as does a prompt.
    """
    notes: list[str] = []
    prompts, called = _merge_prompts(draft, file, notes)
    here = _list_rows(draft, "commands")
    same = [_normalise_command(each) for each in here]
    known: list[str] = []
    taken = _UsedNames({each.get("id") for each in here}, {fold(str(each.get("name"))) for each in here})
    fresh: list[Draft] = []
    for each in _list_rows(file, "commands"):
        own = _rename_prompt(each, called)
        if _normalise_command(own) in same:
            known.append(f"“{each.get('name')}”")
            continue
        fresh.append(_make_unique(own, taken, new_id, notes))
    groups = [*_list_rows(draft, "groups"), *_find_missing_groups(draft, file, fresh)]
    notes += [f"There already, word for word, and left out: {', '.join(known)}."] if known else []
    notes += _describe_omissions(file)
    whole = {
        "groups": groups,
        "commands": [*here, *fresh],
        "prompts": [*_list_rows(draft, "prompts"), *prompts],
        "intents": [*_list_rows(draft, "intents"), *_find_missing_intents(draft, file, notes)],
    }
    return MergeResult(
        {**draft, **{key: value for key, value in whole.items() if value or key in draft}},
        len(fresh),
        tuple(notes),
    )


def _make_unique(command: Draft, taken: _UsedNames, new_id: Callable[[], str], notes: list[str]) -> Draft:
    """Give a command an unused id and name, and mark them as used."""
    wanted = str(command.get("name") or "Unnamed")
    name = find_free_name(wanted, taken.names)
    if name != wanted:
        notes.append(
            f"There is another “{wanted}” already: the new one becomes “{name}”. Scripts that name it mean the old one."
        )
    own_id = new_id() if command.get("id") in taken.ids else command.get("id")
    taken.ids.add(own_id)
    taken.names.add(fold(name))
    return {**command, "id": own_id, "name": name}


def _merge_prompts(draft: Row, file: Row, notes: list[str]) -> tuple[list[Draft], dict[str, str]]:
    """Return the prompts to add and the new name of each prompt of the file."""
    here = {str(each.get("name")): each for each in _list_rows(draft, "prompts")}
    fresh: list[Draft] = []
    called: dict[str, str] = {}
    for each in _list_rows(file, "prompts"):
        name = str(each.get("name"))
        called[name] = (
            name
            if _normalise(Prompt, here.get(name, each)) == _normalise(Prompt, each)
            else find_free_name(name, set(here), "-")
        )
        if called[name] not in here:
            here[called[name]] = {**each, "name": called[name]}
            fresh.append(here[called[name]])
        if called[name] != name:
            notes.append(f"There is another prompt “{name}” already: the new one becomes “{called[name]}”.")
    return fresh, called


def _rename_prompt(command: Row, called: Mapping[str, str]) -> Draft:
    action = command.get("action")
    prompt_name = _get_prompt_name(command)
    if not isinstance(action, Mapping) or called.get(prompt_name, prompt_name) == prompt_name:
        return dict(command)
    return {**command, "action": {**action, "prompt": called[prompt_name]}}


def _find_missing_groups(draft: Row, file: Row, fresh: list[Draft]) -> list[Draft]:
    """Return the groups of new commands that the draft does not have."""
    known = {fold(str(each.get("name"))) for each in _list_rows(draft, "groups")}
    wanted = {fold(str(each["group"])) for each in fresh if each.get("group")} - known
    return [each for each in _list_rows(file, "groups") if fold(str(each.get("name"))) in wanted]


def _find_missing_intents(draft: Row, file: Row, notes: list[str]) -> list[Draft]:
    """Return the intents that the draft does not have; of one name the draft's own stays."""
    here = {each.get("name"): each for each in _list_rows(draft, "intents")}
    notes += [
        f"There is another intent “{each.get('name')}” already: its examples stay as they are."
        for each in _list_rows(file, "intents")
        if here.get(each.get("name"), each) != each
    ]
    return [each for each in _list_rows(file, "intents") if each.get("name") not in here]


def _describe_omissions(file: Row) -> list[str]:
    tests = len(_list_rows(file, "tests"))
    left = [f"{tests} test{'s' if tests != 1 else ''}"] if tests else []
    left += ["the settings"] if file.get("settings") else []
    left += ["the messages that mean no intent"] if file.get("not_intents") else []
    return (
        [f"Not taken over: {' and '.join(left)} of the file. They belong to a whole brain."] if left else []
    )


def _select_grants(grants: Any, *, ai: bool, script: str) -> Draft:
    """Drop the permissions that none of the selected commands can use."""
    kept = dict(grants) if isinstance(grants, Mapping) else {}
    if not ai:
        kept.pop("ai", None)
    if not _HTTP.search(script):
        kept.pop("http", None)
    return kept


def find_free_name(wanted: str, taken: Collection[str], joint: str = " ") -> str:
    """Return an unused name, numbered if necessary; `taken` holds folded names."""
    stem = wanted[: 95 if joint == " " else 55]
    names = chain((wanted,), (f"{stem}{joint}{n}" for n in count(2)))
    return next(name for name in names if fold(name) not in taken)


def _normalise_command(command: Row) -> Draft:
    """Return a command without id, group and default values, for comparison."""
    own = _normalise(Command, command)
    return {name: value for name, value in own.items() if name not in {"id", "group"}}


def _normalise(kind: type[BaseModel], row: Row) -> Draft:
    try:
        return kind.model_validate(dict(row)).model_dump(mode="json", exclude_defaults=True)
    except ValidationError:
        return dict(row)


def _get_source(command: Row) -> str:
    action = command.get("action")
    return str(action.get("source") or "") if isinstance(action, Mapping) else ""


def _get_prompt_name(command: Row) -> str:
    action = command.get("action")
    return str(action.get("prompt") or "") if isinstance(action, Mapping) else ""


def _get_intent_name(command: Row) -> str:
    trigger = command.get("trigger")
    return str(trigger.get("intent") or "") if isinstance(trigger, Mapping) else ""


def _find_quoted_words(script: str) -> set[str]:
    """Return every quoted word of a script, since it may be a prompt's name."""
    return set(re.findall(r"[\"']([a-z][a-z0-9_-]{0,59})[\"']", script))


def _list_rows(document: Row, section: str) -> list[Draft]:
    return list(document.get(section) or [])
