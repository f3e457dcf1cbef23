"""Messages of invalid fields: what to fill in, and what a value must be."""

from collections.abc import Sequence
from typing import Final

from pydantic_core import ErrorDetails

from app.brains.document.test_cases import EMPTY_STEPS

_FORMS: Final = {
    "name": "Use small letters, digits and underscores, beginning with a letter, such as order_no.",
    "words": "A keyword of a command is one word, without spaces.",
    "prefixes": "A prefix is 1 to 10 characters without spaces, such as !",
    "language": "Write a language code, such as en or pt-BR.",
    "id": "Use letters, digits, - and _, at most 40.",
    "hosts": "Write a host name, such as api.example.com.",
    "phone": "Write 5 to 15 digits.",
    "brain": "Use small letters, digits and single hyphens.",
}
_EMPTY_KINDS: Final = frozenset({"missing", "too_short", "string_too_short"})
_EMPTY_FIELDS: Final = {
    "prompt": "Choose a prompt.",
    "words": "Add a keyword.",
    "texts": "Add a keyword.",
    "ids": "Add a button or list reply.",
    "pattern": "Add a regular expression.",
    "template": "Write an answer.",
    "variants": "Write an answer.",
    "source": "Write a script.",
    "intent": "Choose an intent.",
    "examples": "Add an example.",
    "choices": "Add the choices.",
    "name": "Give it a name.",
}
_MESSAGES: Final = {
    "missing": "This is missing.",
    "extra_forbidden": "This field is not known here. Remove it or correct its name.",
    "string_type": "This must be a text; put it in quotation marks.",
    "string_too_long": "This has too many characters: {max_length} are allowed.",
    "string_too_short": "This has too few characters: at least {min_length}.",
    "string_pattern_mismatch": "This is not written in the allowed form.",
    "too_long": "There are {actual_length} entries: {max_length} are allowed.",
    "too_short": "Add at least {min_length} entry.",
    "literal_error": "This must be {expected}.",
    "union_tag_invalid": "There is no kind “{tag}” here. Use one of {expected_tags}.",
    "union_tag_not_found": "Choose a kind.",
    "int_type": "This must be a whole number.",
    "int_parsing": "This must be a whole number.",
    "int_from_float": "This must be a whole number.",
    "float_parsing": "This must be a number.",
    "float_type": "This must be a number.",
    "bool_type": "This must be true or false.",
    "bool_parsing": "This must be true or false.",
    "greater_than_equal": "This must be at least {ge}.",
    "less_than_equal": "This must be at most {le}.",
    "dict_type": "This must be a group of fields.",
    "tuple_type": "This must be a list.",
    "model_type": "This must be a group of fields.",
    "model_attributes_type": "This must be a group of fields.",
}


def find_field_message(kind: str, place: Sequence[str]) -> str:
    """Return the message of an empty or misspelt field by what to fill in; empty for every other field."""
    if kind == "string_pattern_mismatch":
        return next((_FORMS[step] for step in reversed(place[-2:]) if step in _FORMS), "")
    if kind not in _EMPTY_KINDS:
        return ""
    if place[0] == "tests" and "steps" in place[:3]:
        return next((EMPTY_STEPS[step] for step in reversed(place) if step in EMPTY_STEPS), "")
    return next((_EMPTY_FIELDS[step] for step in reversed(place[-2:]) if step in _EMPTY_FIELDS), "")


def format_message(detail: ErrorDetails) -> str:
    """Return the message of an error that pydantic found."""
    context = detail.get("ctx", {})
    if detail["type"] == "value_error":
        text = str(context.get("error", detail["msg"]))
        return text[:1].upper() + text[1:] + "."
    words = _MESSAGES.get(detail["type"])
    if words is None:
        return f"{detail['msg']}."
    return words.format(**{"actual_length": "", "limit": "", **context})
