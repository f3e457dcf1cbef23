"""Edits of a draft's intents and of what means none of them: messages added as examples, within the bounds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from app.brains import limits
from app.brains.document.edits.intent_changes import NAME_PATTERN, list_examples, list_texts
from app.brains.nlu.normalise import build_key, clean
from app.immutable import immutable
from app.signals import DomainError

Draft = dict[str, Any]
Row = Mapping[str, Any]

NOT_INTENTS: Final = "not_intents"


class IntentEditRefused(DomainError):
    """Edit that the bounds of a document forbid; the message says what to do."""

    code = "intent-edit-refused"


@immutable
class AddedExamples:
    """Intents with examples added to one of them.

    `added` are the new examples; `duplicates` those that stand already, each with the intent that has it; `left_out`
    those there was no room for.
    """

    intents: list[Draft]
    added: tuple[str, ...]
    duplicates: tuple[tuple[str, str], ...] = ()
    left_out: tuple[str, ...] = ()


def add_examples(intents: Iterable[Row], name: str, texts: Iterable[str]) -> AddedExamples:
    """Add texts to the examples of an intent, which is made where it is not there; each wording once.

    A text that says the same as an example of any intent, word for word, is a duplicate. Raises IntentEditRefused for
    a name no intent may have, for one intent too many, and where nothing can be added.
    """
    rows = [dict(each) for each in intents]
    if not NAME_PATTERN.fullmatch(name):
        raise IntentEditRefused(
            "Write the name in small letters, digits and _, beginning with a letter, such as order_status."
        )
    place = next((at for at, each in enumerate(rows) if each.get("name") == name), len(rows))
    if place == len(rows):
        if len(rows) >= limits.INTENTS:
            raise IntentEditRefused(
                f"A brain has at most {limits.INTENTS} intents. Remove one, or add the messages to another."
            )
        rows.append({"name": name, "examples": []})
    known = _find_owners(rows)
    there = list_examples(rows[place])
    total = sum(len(list_examples(each)) for each in rows)
    room = min(limits.INTENT_EXAMPLES - len(there), limits.INTENT_EXAMPLES_TOTAL - total)
    added, duplicates, left_out = _sort_out(texts, known, room, name)
    if not added and not duplicates:
        raise IntentEditRefused(
            "There is no room for another example: an intent has at most "
            f"{limits.INTENT_EXAMPLES}, all together {limits.INTENT_EXAMPLES_TOTAL:,}. Remove some."
            if left_out
            else "Choose messages that have words."
        )
    rows[place]["examples"] = [*there, *added]
    kept = [each for each in rows if list_examples(each) or each.get("name") != name]
    return AddedExamples(kept, tuple(added), tuple(duplicates), tuple(left_out))


def add_not_intents(draft: Row, texts: Iterable[str]) -> AddedExamples:
    """Add texts to those that mean none of a draft's intents; raises IntentEditRefused where nothing can be added.

    `intents` of the result are the draft's own, unchanged; a text that is an example of one of them is a duplicate.
    """
    intents = [dict(each) for each in draft.get("intents") or ()]
    there = list_not_intents(draft)
    known = _find_owners(intents)
    known |= {key: "" for key in map(build_key, there) if key}
    added, duplicates, left_out = _sort_out(texts, known, limits.NOT_INTENTS - len(there), "")
    if not added and not duplicates:
        raise IntentEditRefused(
            f"At most {limits.NOT_INTENTS} messages can be named that mean none of the intents. Remove some."
            if left_out
            else "Choose messages that have words."
        )
    return AddedExamples(intents, tuple(added), tuple(duplicates), tuple(left_out))


def list_known_keys(draft: Row) -> set[str]:
    """Return the words of everything a draft has an example of, and of what means none of its intents."""
    examples = [text for each in draft.get("intents") or () for text in list_examples(each)]
    return {key for key in map(build_key, [*examples, *list_not_intents(draft)]) if key}


def list_not_intents(draft: Row) -> list[str]:
    """Return the texts of a draft that mean none of its intents."""
    return list_texts(draft.get(NOT_INTENTS))


def _find_owners(intents: Iterable[Row]) -> dict[str, str]:
    """Return which intent has each wording."""
    return {
        key: str(each.get("name")) for each in intents for key in map(build_key, list_examples(each)) if key
    }


def _sort_out(
    texts: Iterable[str], known: Mapping[str, str], room: int, name: str
) -> tuple[list[str], list[tuple[str, str]], list[str]]:
    """Return the texts to add, those that stand already with their intent, and those without room."""
    owners = dict(known)
    added: list[str] = []
    duplicates: list[tuple[str, str]] = []
    left_out: list[str] = []
    for text in _clean(texts):
        key = build_key(text)
        if key in owners:
            duplicates.append((text, owners[key]))
        elif len(added) >= room:
            left_out.append(text)
        else:
            owners[key] = name
            added.append(text)
    return added, duplicates, left_out


def _clean(texts: Iterable[str]) -> Sequence[str]:
    """Return texts as examples are kept: bounded, without signs nobody sees, each with at least a word."""
    cleaned = (clean(text).strip()[: limits.EXAMPLE_CHARS] for text in texts)
    return [text for text in cleaned if build_key(text)]
