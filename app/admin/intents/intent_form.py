"""Intent form to document data: examples by line, entities by row; rows of the list of intents."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.admin.ui.form_text import normalise_newlines, split_lines
from app.admin.workbench.command_form import Form
from app.brains import limits
from app.brains.document.edits import intent_changes
from app.brains.document.edits.intent_changes import NAME_PATTERN, IntentData, list_examples, list_intents
from app.brains.document.intents import find_shared_examples
from app.brains.nlu.entities import CHOICE, REGEX
from app.brains.nlu.language import detect_language
from app.immutable import immutable

LIMITS: Final = {
    "intents": limits.INTENTS,
    "examples": limits.INTENT_EXAMPLES,
    "chars": limits.EXAMPLE_CHARS,
    "description": limits.DESCRIPTION_CHARS,
    "entities": limits.ENTITIES,
    "pattern": limits.TRIGGER_CHARS,
}
ENTITY_KINDS: Final = {
    "number": "Number",
    "phone": "Phone number",
    "email": "E-mail address",
    "money": "Amount of money",
    "choice": "One of some choices",
    "date": "Date",
    "time": "Time of day",
    "datetime": "Date and time",
    "regex": "Text of a pattern (regex)",
}
FEW_EXAMPLES: Final = 5


@immutable
class IntentRow:
    """Intent as the list shows it: its examples by language, the commands it runs, its score, what is wrong."""

    name: str
    description: str
    example_count: int
    languages: Sequence[tuple[str, int]]
    commands: Sequence[Mapping[str, Any]]
    recall: float | None
    problems: Sequence[str]


def read(form: Form, name: str) -> IntentData:
    """Read the form of an intent; what is wrong stays as it was typed: validation names it."""
    intent: IntentData = {"name": name}
    if form.get("description", "").strip():
        intent["description"] = normalise_newlines(form["description"]).strip()
    intent["examples"] = split_lines(form.get("examples", ""))
    entities = _read_entities(form)
    if entities:
        intent["entities"] = entities
    return intent


def _read_entities(form: Form) -> list[dict[str, Any]]:
    """Read the rows of entities; one without a name is left out, and so is what its kind does not have."""
    dropped = form.get("drop_entity", "")
    columns = [form.getlist(f"entity_{part}") for part in ("name", "kind", "choices", "pattern")]
    rows = [tuple(cell.strip() for cell in row) for row in zip(*columns, strict=False)]
    return [_read_entity(*row) for number, row in enumerate(rows, 1) if row[0] and str(number) != dropped]


def _read_entity(name: str, kind: str, choices: str, pattern: str) -> dict[str, Any]:
    entity: dict[str, Any] = {"name": name, "kind": kind}
    if kind == CHOICE:
        entity["choices"] = [_read_choice(line) for line in split_lines(choices)]
    elif kind == REGEX:
        entity["pattern"] = pattern
    return entity


def _read_choice(line: str) -> dict[str, Any]:
    value, _, rest = line.partition(":")
    words = [word.strip() for word in rest.split(",") if word.strip()]
    return {"value": value.strip(), "words": words} if words else {"value": value.strip()}


def list_entity_rows(intent: Mapping[str, Any], *, blank: bool) -> list[dict[str, str]]:
    """Return the rows of entities as the form shows them, with a blank one to fill in where there is room."""
    listed = intent.get("entities")
    entities = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, Sequence) else []
    rows = [_build_entity_row(each) for each in entities]
    if blank and len(rows) < limits.ENTITIES:
        rows.append({"name": "", "kind": "number", "choices": "", "pattern": ""})
    return rows


def _build_entity_row(entity: Mapping[str, Any]) -> dict[str, str]:
    choices = [each for each in entity.get("choices") or [] if isinstance(each, Mapping)]
    return {
        "name": str(entity.get("name") or ""),
        "kind": str(entity.get("kind") or "number"),
        "choices": "\n".join(_format_choice(each) for each in choices),
        "pattern": str(entity.get("pattern") or ""),
    }


def _format_choice(choice: Mapping[str, Any]) -> str:
    words = ", ".join(map(str, choice.get("words") or ()))
    return f"{choice.get('value', '')}: {words}" if words else str(choice.get("value", ""))


def check_name(draft: Mapping[str, Any], name: str) -> str:
    """Say why a new intent cannot have this name; empty when it can."""
    if not NAME_PATTERN.fullmatch(name):
        return "Use small letters, digits and _, beginning with a letter, such as order_status."
    if intent_changes.find_intent(draft, name):
        return f"There is already an intent called “{name}”."
    if len(list_intents(draft)) >= limits.INTENTS:
        return f"A brain has at most {limits.INTENTS} intents."
    return ""


def count_languages(examples: Sequence[str]) -> list[tuple[str, int]]:
    """Return the languages of examples with how many each has, the most first; empty = not told."""
    return Counter(map(detect_language, examples)).most_common()


def build_rows(draft: Mapping[str, Any], report: Mapping[str, Any]) -> list[IntentRow]:
    """Return the rows of the list; scores are those of `report`, which may be empty."""
    scores = {each["name"]: each["recall"] for each in report.get("intents", ())}
    shared = _find_shared(draft)
    rows = []
    for intent in list_intents(draft):
        name, examples = intent["name"], list_examples(intent)
        problems = []
        if len(examples) < FEW_EXAMPLES:
            problems.append(f"write at least {FEW_EXAMPLES} examples")
        if name in shared:
            problems.append("conflicts with " + ", ".join(f"“{each}”" for each in sorted(shared[name])))
        rows.append(
            IntentRow(
                name,
                str(intent.get("description") or ""),
                len(examples),
                count_languages(examples),
                intent_changes.list_using_commands(draft, name),
                scores.get(name),
                problems,
            )
        )
    return rows


def _find_shared(draft: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return for each intent the others that have an example of its own, too."""
    found: dict[str, set[str]] = {}
    for one, other in find_shared_examples(
        {each["name"]: list_examples(each) for each in list_intents(draft)}
    ):
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return found
