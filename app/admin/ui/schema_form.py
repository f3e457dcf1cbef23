"""Forms drawn from a channel's Config: the model is the form (specs: ui 2, "schema-drawn")."""

import types
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

# The form of a new connection proposes a value for it, to be pasted at the provider.
MADE_UP = "verify_token"


@dataclass(frozen=True, slots=True)
class Entry:
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


def entries(
    model: type[BaseModel],
    secrets: Collection[str],
    values: Mapping[str, Any],
    *,
    stored: bool = False,
    problems: Mapping[str, str] | None = None,
) -> list[Entry]:
    """Draw one entry for each field of `model`; secrets are never echoed, but for one we made up ourselves."""
    problems = problems or {}
    hidden = set(secrets) if stored else set(secrets) - {MADE_UP}
    return [
        Entry(
            name=name,
            label=field.title or name.replace("_", " ").capitalize(),
            help=field.description or "",
            type="password" if name in hidden else _type(field),
            value="" if name in hidden else _text(values.get(name, _default(field))),
            required=field.is_required() and not (stored and name in secrets),
            secret=name in hidden,
            stored=stored and name in secrets,
            problem=problems.get(name, ""),
        )
        for name, field in model.model_fields.items()
    ]


def given(model: type[BaseModel], form: Mapping[str, str]) -> dict[str, Any]:
    """Read the model's fields out of a posted form."""
    read: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if _type(field) == "checkbox":
            read[name] = name in form
        elif form.get(name, "").strip() or field.is_required():
            read[name] = form.get(name, "").strip()
    return read


def _type(field: FieldInfo) -> str:
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
