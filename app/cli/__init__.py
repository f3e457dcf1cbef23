"""Command line: `flask --app wsgi COMMAND`, one module a command.

Each command ends with exit code 0, or 1 and what to do.
"""

import getpass
import os
from functools import wraps
from typing import Any

import click
from flask import Flask

from app.cli import account, ai, brain, connection, doctor, logs, person, stats_rebuild, webhook
from app.cli.audit import commands
from app.db.actor import Actor, ActorKind, bind_actor
from app.text import MAX_INT64, to_storable


class _StorableText(click.types.StringParamType):
    """A text whose bytes that are no UTF-8 are replaced, as in forms of the pages (app.request_input)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return to_storable(super().convert(value, param, ctx))


_TEXT = _StorableText()
_NUMBER = click.IntRange(-MAX_INT64 - 1, MAX_INT64)


def init_app(app: Flask) -> None:
    """Register the commands; their texts and numbers are such that both databases can store them."""
    _keep_lines(app)
    doctor.print_stats.add_command(stats_rebuild.rebuild)
    for command in (
        account.init,
        account.manage_accounts,
        connection.manage_connections,
        brain.manage_brains,
        ai.manage_ai,
        person.manage_people,
        webhook.manage_webhooks,
        logs.manage_logs,
        commands.manage_audit,
        doctor.print_stats,
        doctor.check_installation,
    ):
        _bound_parameters(command)
        app.cli.add_command(command)


def _keep_lines(app: Flask) -> None:
    """Keep the log lines of a command with all others, where this process is one of the command line."""
    context = click.get_current_context(silent=True)
    if context is not None:
        kept = app.extensions["services"].logs
        kept.attach("cli")
        context.find_root().call_on_close(kept.close)


def _name_caller(command: click.Command) -> None:
    """Let what a command changes be done by the user of the operating system, for the audit."""
    inner = command.callback
    if inner is None or hasattr(inner, "names_caller"):
        return

    @wraps(inner)
    def call(*args: Any, **kwargs: Any) -> Any:
        with bind_actor(Actor(ActorKind.COMMAND_LINE, name=_read_user_name())):
            return inner(*args, **kwargs)

    call.names_caller = True  # type: ignore[attr-defined]  commands outlive an app, of which tests make many
    command.callback = call


def _read_user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under an id without a name
        return str(os.getuid())


def _bound_parameters(command: click.Command) -> None:
    _name_caller(command)
    for parameter in command.params:
        if parameter.type is click.STRING:
            parameter.type = _TEXT
        elif parameter.type is click.INT:
            parameter.type = _NUMBER
    for inner in getattr(command, "commands", {}).values():
        _bound_parameters(inner)
