"""Edits of the intents of a draft, right or wrong: look-up, rename, removal, examples taken out or moved (pure)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from app.brains.nlu.normalise import build_key
from app.text import parse_index

Draft = dict[str, Any]
IntentData = dict[str, Any]

NAME_PATTERN: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
# Reports show examples cut to so many characters; they are found again by these.
SHOWN_CHARS: Final = 200


def list_intents(draft: Mapping[str, Any]) -> list[IntentData]:
    """Return the intents of a draft that have a name, whatever else is wrong with them."""
    listed = draft.get("intents")
    rows = listed if isinstance(listed, Sequence) and not isinstance(listed, str) else []
    return [dict(each) for each in rows if isinstance(each, Mapping) and isinstance(each.get("name"), str)]


def find_intent(draft: Mapping[str, Any], name: str) -> IntentData | None:
    """Return an intent by its name; None when there is none."""
    return next((each for each in list_intents(draft) if each["name"] == name), None)


def find_place(draft: Mapping[str, Any], name: str) -> int:
    """Return the number of an intent in the draft, as the paths of problems count; -1 for none."""
    listed = draft.get("intents")
    rows = listed if isinstance(listed, list) else []
    names = [each.get("name") if isinstance(each, Mapping) else None for each in rows]
    return names.index(name) if name in names else -1


def find_name_by_path(draft: Mapping[str, Any], path: str) -> str:
    """Return the name of the intent a path such as `intents.3.examples` is in; empty for any other place."""
    section, _, rest = path.partition(".")
    listed = draft.get("intents")
    number = parse_index(rest.partition(".")[0])
    if section != "intents" or not isinstance(listed, list) or number is None or number >= len(listed):
        return ""
    row = listed[number]
    return str(row.get("name") or "") if isinstance(row, Mapping) else ""


def list_examples(intent: Mapping[str, Any]) -> list[str]:
    """Return the examples of an intent that are texts."""
    return list_texts(intent.get("examples"))


def list_texts(listed: Any) -> list[str]:
    """Return the texts of a list of a draft; none of what is no list."""
    rows = listed if isinstance(listed, Sequence) and not isinstance(listed, str) else []
    return [each for each in rows if isinstance(each, str)]


def list_using_commands(draft: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the commands whose trigger is an intent."""
    return [each for each in draft.get("commands") or [] if _uses_intent(each, name)]


def list_repeated(examples: Sequence[str]) -> list[str]:
    """Return examples that say word for word what an earlier one says."""
    seen: set[str] = set()
    repeated = []
    for each in examples:
        key = _build_key(each)
        if key in seen:
            repeated.append(each)
        seen.add(key)
    return repeated


def replace_intent(draft: Draft, name: str, intent: IntentData) -> Draft:
    """Return the draft with an intent replaced, or added at the end if it has none of this name."""
    listed = list_intents(draft)
    if all(each["name"] != name for each in listed):
        return {**draft, "intents": [*listed, intent]}
    return {**draft, "intents": [intent if each["name"] == name else each for each in listed]}


def remove_intent(draft: Draft, name: str) -> Draft:
    """Return the draft without an intent."""
    return {**draft, "intents": [each for each in list_intents(draft) if each["name"] != name]}


def rename_intent(draft: Draft, was: str, name: str) -> Draft:
    """Return the draft with an intent under another name, also in the commands whose trigger it is."""
    commands = [
        {**each, "trigger": {**each["trigger"], "intent": name}} if _uses_intent(each, was) else each
        for each in draft.get("commands") or []
    ]
    intents = [{**each, "name": name} if each["name"] == was else each for each in list_intents(draft)]
    return {**draft, "intents": intents, "commands": commands}


def remove_example(draft: Draft, name: str, shown: str) -> Draft | None:
    """Return the draft without an example, named as a report shows it; None when the intent has it no more."""
    intent = find_intent(draft, name)
    kept = [each for each in list_examples(intent) if not _is_shown_as(each, shown)] if intent else []
    if intent is None or len(kept) == len(list_examples(intent)):
        return None
    return replace_intent(draft, name, {**intent, "examples": kept})


def move_example(draft: Draft, name: str, to: str, shown: str) -> Draft | None:
    """Return the draft with an example in another intent; None when either intent, or the example, is gone."""
    intent, target = find_intent(draft, name), find_intent(draft, to)
    without = remove_example(draft, name, shown)
    if without is None or intent is None or target is None or name == to:
        return None
    there = list_examples(target)
    known = {_build_key(each) for each in there}
    moved = [each for each in _list_shown_as(intent, shown) if _build_key(each) not in known]
    return replace_intent(without, to, {**target, "examples": [*there, *moved]})


def _list_shown_as(intent: Mapping[str, Any], shown: str) -> Iterator[str]:
    return (each for each in list_examples(intent) if _is_shown_as(each, shown))


def _is_shown_as(example: str, shown: str) -> bool:
    return example.strip()[:SHOWN_CHARS].strip() == shown.strip()


def _build_key(example: str) -> str:
    return build_key(example) or example


def _uses_intent(command: Any, name: str) -> bool:
    trigger = command.get("trigger") if isinstance(command, Mapping) else None
    return isinstance(trigger, Mapping) and trigger.get("kind") == "intent" and trigger.get("intent") == name
