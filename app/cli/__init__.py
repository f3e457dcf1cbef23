"""The command line: `flask --app wsgi COMMAND`; each answers with exit code 0, or 1 and what to do."""

from flask import Flask

from app.cli import accounts, ai, brains, connections, health, people, recounting


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(accounts.init)
    app.cli.add_command(connections.connection)
    app.cli.add_command(brains.brain)
    app.cli.add_command(ai.ai)
    app.cli.add_command(people.person)
    health.stats.add_command(recounting.rebuild)
    app.cli.add_command(health.stats)
    app.cli.add_command(health.doctor)
