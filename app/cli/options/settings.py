"""Option `--set NAME=VALUE`, and options generated from the fields of settings that are found by walking a folder."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click
from pydantic import BaseModel

F = TypeVar("F", bound=Callable[..., Any])


def add_set_option(function: F) -> F:
    """Add `--set NAME=VALUE`; the command gets a dictionary as `settings`."""
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        callback=lambda _context, _option, pairs: _parse_pairs(pairs),
        help="A field of the kind's own settings. Repeatable.",
    )(function)


def _parse_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """Return the values by name; raises click.BadParameter for what is no NAME=VALUE."""
    settings: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name.strip():
            raise click.BadParameter(f"“{pair[:40]}” is not NAME=VALUE.")
        settings[name.strip()] = value
    return settings


def build_field_options(configs: Mapping[str, type[BaseModel]], taken: Iterable[str]) -> Callable[[F], F]:
    """Return a decorator with an option for each field of `configs`, by title of its kind.

    A field whose name is `taken` by another option is reached by `--set` alone.
    """
    helps: dict[str, list[str]] = {}
    for title, config in configs.items():
        for name, field in config.model_fields.items():
            words = field.description or field.title or name.replace("_", " ").capitalize()
            helps.setdefault(name, []).append(f"{title}: {words}")

    def decorate(function: F) -> F:
        for name in reversed([name for name in helps if name not in set(taken)]):
            option = f"--{name.replace('_', '-')}"
            function = click.option(option, name, default="", help=" ".join(helps[name]))(function)
        return function

    return decorate
