"""HTML forms generated from a pydantic Config, and reading them back (specs: ui 2, "schema-drawn")."""

import types
from collections.abc import Collection, Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.immutable import immutable


@immutable
class FormField:
    """One field of a drawn form; `stored` tells that a secret is kept without showing it."""

    name: str
    label: str
    help: str
    type: str
    value: str
    required: bool
    secret: bool = False
    stored: bool = False
    problem: str = ""


def build_fields(
    model: type[BaseModel],
    secrets: Collection[str],
    values: Mapping[str, Any],
    *,
    stored: bool = False,
    problems: Mapping[str, str] | None = None,
) -> list[FormField]:
    """Draw one entry for each field of `model`; the values of `secrets` are never shown."""
    problems = problems or {}
    return [
        FormField(
            name=name,
            label=get_label(name, field),
            help=field.description or "",
            type="password" if name in secrets else get_input_type(field),
            value="" if name in secrets else _text(values.get(name, _default(field))),
            required=field.is_required() and not (stored and name in secrets),
            secret=name in secrets,
            stored=stored and name in secrets,
            problem=problems.get(name, ""),
        )
        for name, field in model.model_fields.items()
    ]


def get_label(name: str, field: FieldInfo) -> str:
    """Return a field's title, or its plain name when it has none."""
    return field.title or name.replace("_", " ").capitalize()


def parse_form(model: type[BaseModel], form: Mapping[str, str]) -> dict[str, Any]:
    """Read the model's fields out of a posted form."""
    read: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if get_input_type(field) == "checkbox":
            read[name] = name in form
        elif form.get(name, "").strip() or field.is_required():
            read[name] = form.get(name, "").strip()
    return read


def get_input_type(field: FieldInfo) -> str:
    """Return the type of the input that a field is drawn as: checkbox, number, text, or textarea by its schema."""
    if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("multiline"):
        return "textarea"
    kinds = {field.annotation}
    if get_origin(field.annotation) in {Union, types.UnionType}:
        kinds = set(get_args(field.annotation))
    if bool in kinds:
        return "checkbox"
    return "number" if kinds & {int, float} else "text"


def _default(field: FieldInfo) -> Any:
    return "" if field.is_required() else field.get_default(call_default_factory=True)


def _text(value: Any) -> str:
    return "" if value is None or value is False else str(value)
