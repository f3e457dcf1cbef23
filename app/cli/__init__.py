"""Command line: `flask --app wsgi COMMAND`, one module a command.

Each command ends with exit code 0, or 1 and what to do.
"""

from typing import Any

import click
from flask import Flask

from app.cli import ai, brain, connection, doctor, init, person, stats_rebuild, webhook
from app.text import MAX_INT64, to_storable


class _StorableText(click.types.StringParamType):
    """A text whose bytes that are no UTF-8 are replaced, as in forms of the pages (app.request_input)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return to_storable(super().convert(value, param, ctx))


_TEXT = _StorableText()
_NUMBER = click.IntRange(-MAX_INT64 - 1, MAX_INT64)


def init_app(app: Flask) -> None:
    """Register the commands; their texts and numbers are such that both databases can store them."""
    doctor.print_stats.add_command(stats_rebuild.rebuild)
    for command in (
        init.init,
        connection.manage_connections,
        brain.manage_brains,
        ai.manage_ai,
        person.manage_people,
        webhook.manage_webhooks,
        doctor.print_stats,
        doctor.check_installation,
    ):
        _bound_parameters(command)
        app.cli.add_command(command)


def _bound_parameters(command: click.Command) -> None:
    for parameter in command.params:
        if parameter.type is click.STRING:
            parameter.type = _TEXT
        elif parameter.type is click.INT:
            parameter.type = _NUMBER
    for inner in getattr(command, "commands", {}).values():
        _bound_parameters(inner)
