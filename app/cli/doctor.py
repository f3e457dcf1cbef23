"""`flask stats` and `flask doctor`: figures, and what is wrong with the remedy."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask.cli import with_appcontext
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.accounts import any_user
from app.bot import bot, health
from app.bot.connections import list_connections
from app.cli.answers import explained
from app.settings import ROOT
from app.vault import VaultError
from app.web import house


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
@with_appcontext
def stats(context: click.Context, as_json: bool) -> None:
    """Print messages by direction and state, contacts, chats and lag."""
    if context.invoked_subcommand:
        return
    shared = house()
    with explained(), shared.database.read() as session:
        figures = health.stats(session, shared.clock())
    if as_json:
        click.echo(json.dumps(figures))
        return
    for direction, states in figures["messages"].items():
        told = ", ".join(f"{n} {state}" for state, n in sorted(states.items())) or "none"
        click.echo(f"{direction:>4}: {told}")
    click.echo(
        f"{figures['contacts']} contacts, {figures['chats']} chats, {figures['unknown']} unknown, "
        f"{figures['dead']} dead, lag {figures['lag']} ms"
    )


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at."""

    check: str
    ok: bool
    found: str
    remedy: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
@with_appcontext
def doctor(context: click.Context, as_json: bool) -> None:
    """Check the installation and say what to do; exit code 1 when something is wrong."""
    findings = [finding for check in CHECKS for finding in check()]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = click.style("ok  ", fg="green") if finding.ok else click.style("FAIL", fg="red")
            click.echo(f"{mark} {finding.check:<12} {finding.found}")
            if finding.remedy:
                click.echo(f"     {'':<12} -> {finding.remedy}")
    if not all(finding.ok for finding in findings):
        context.exit(1)


def _database() -> Iterator[Finding]:
    engine = house().database.engine
    shown = engine.url.render_as_string(hide_password=True)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            at = set(MigrationContext.configure(connection).get_current_heads())
    except SQLAlchemyError as error:
        yield Finding(
            "database", ok=False, found=f"{shown}: {type(error).__name__}", remedy="Check DATABASE_URL."
        )
        return
    yield Finding("database", ok=True, found=shown)
    heads = set(ScriptDirectory(str(ROOT / "migrations")).get_heads())
    remedy = "" if at == heads else "Run: flask --app wsgi db upgrade"
    yield Finding("migrations", ok=at == heads, found=f"at {', '.join(at) or 'nothing'}", remedy=remedy)


def _data() -> Iterator[Finding]:
    folder = house().settings.brainbox_data
    probe = folder / ".doctor"
    try:
        probe.write_text("ok")
        probe.unlink()
    except OSError as error:
        yield Finding(
            "data", ok=False, found=f"{folder}: {error.strerror}", remedy="Let this user write there."
        )
        return
    yield Finding("data", ok=True, found=f"{folder} is writable")


def _redis() -> Iterator[Finding]:
    url = house().settings.redis_url
    if not url:
        yield Finding("redis", ok=True, found="none set: embedded, one process")
        return
    try:
        Redis.from_url(url, socket_timeout=3).ping()
        yield Finding("redis", ok=True, found="answers")
    except RedisError as error:
        yield Finding(
            "redis", ok=False, found=type(error).__name__, remedy="Start Redis, or check REDIS_URL."
        )


def _sandbox() -> Iterator[Finding]:
    sandbox = bot().sandbox
    level = sandbox.level()
    remedy = _MISSING.get(level.name, "") if level.safe else _UNSAFE
    yield Finding("sandbox", ok=level.safe, found=f"{level}; {_MODES[sandbox.mode]}", remedy=remedy)


_MODES = {
    "sticky": "sticky: a process serves up to 100 runs of one brain",
    "strict": "strict: each run has a process of its own",
}
_MISSING = {
    "hardened": "Allow unprivileged user namespaces to add another layer; it holds without them.",
    "basic": "Use a kernel with Landlock (5.13 or later, with the LSM switched on) to add another layer.",
}
_UNSAFE = "Use a kernel with seccomp. SANDBOX_UNSAFE=true runs operators' code all the same: only where you trust all."


def _owner() -> Iterator[Finding]:
    with house().database.read() as session:
        there = any_user(session)
    remedy = "" if there else "Open the address in a browser, or run: flask --app wsgi init --email YOU"
    yield Finding("owner", ok=there, found="there" if there else "no account yet", remedy=remedy)


def _connections() -> Iterator[Finding]:
    connections = bot().connections
    with house().database.read() as session:
        for row in list_connections(session):
            try:
                connections.config(row)
            except VaultError as error:
                yield Finding("connection", ok=False, found=row.name, remedy=str(error))
                continue
            parked = row.parked_until > house().clock()
            remedy = "Mend the cause, then press Resume on the connection's page." if parked else ""
            found = f"{row.name}: {f'parked: {row.parked_reason}' if parked else 'ready'}"
            yield Finding("connection", ok=not parked, found=found, remedy=remedy)


def _pipeline() -> Iterator[Finding]:
    shared = house()
    with shared.database.read() as session:
        lag = health.lag(session, shared.clock())
        beats = health.workers(session, shared.clock())
    alive = [w["name"] for w in beats if w["name"].startswith("worker") and not w["late"]]
    remedy = "" if alive else "Start it: make run, or python huey_tasks.py"
    yield Finding("worker", ok=bool(alive), found=", ".join(alive) or "none alive", remedy=remedy)
    with shared.database.read() as session:
        refused = health.stats(session, shared.clock())["counters"].get("webhook.bad_signature", 0)
    yield Finding("webhooks", ok=True, found=f"{refused} refused for a bad signature so far")
    late = lag > health.BEAT_LATE
    yield Finding("lag", ok=not late, found=f"{lag} ms", remedy="Start another worker." if late else "")


def _guarded(check: Callable[[], Iterator[Finding]]) -> Callable[[], Iterator[Finding]]:
    """Let a check that needs the database say so instead of ending the examination."""

    def run() -> Iterator[Finding]:
        try:
            yield from check()
        except SQLAlchemyError as error:
            name = check.__name__.strip("_")
            yield Finding(name, ok=False, found=type(error).__name__, remedy="Mend the database first.")

    return run


CHECKS: tuple[Callable[[], Iterator[Any]], ...] = (
    _data,
    _database,
    _redis,
    _sandbox,
    *(_guarded(c) for c in (_owner, _connections, _pipeline)),
)
