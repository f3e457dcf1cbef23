"""`flask stats` and `flask doctor`: figures, and checks of the installation with remedies."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app import data_folder
from app.accounts import second_factor
from app.accounts.users import has_users
from app.bot.connections.store import list_connections
from app.bot.health import status
from app.cli.audit.doctor_check import check_audit
from app.cli.errors import handle_errors
from app.db.migrations_state import list_wanted_heads, read_applied_heads
from app.services import services
from app.vault import VaultError


@click.group("stats", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
@with_appcontext
def print_stats(context: click.Context, as_json: bool) -> None:
    """Print messages by direction and state, contacts, chats and lag."""
    if context.invoked_subcommand:
        return
    shared = services()
    with handle_errors(), shared.database.read() as session:
        figures = status.collect_stats(session, shared.clock())
    if as_json:
        click.echo(json.dumps(figures))
        return
    for direction, states in figures["messages"].items():
        summary = ", ".join(f"{n} {state}" for state, n in sorted(states.items())) or "none"
        click.echo(f"{direction:>4}: {summary}")
    click.echo(
        f"{figures['contacts']} contacts, {figures['chats']} chats, {figures['unknown']} unconfirmed, "
        f"{figures['dead']} failed, lag {figures['lag']} ms"
    )
    if figures["unhandled"]:
        click.echo(f"{figures['unhandled']} signed webhooks not handled: flask --app wsgi webhook list")


@dataclass(frozen=True)
class CheckResult:
    """Result of one check of the doctor."""

    check: str
    ok: bool
    found: str
    remedy: str = ""


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
@with_appcontext
def check_installation(context: click.Context, as_json: bool) -> None:
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


def _database() -> Iterator[CheckResult]:
    engine = services().database.engine
    shown = engine.url.render_as_string(hide_password=True)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            at = read_applied_heads(connection)
    except SQLAlchemyError as error:
        yield CheckResult(
            "database", ok=False, found=f"{shown}: {_describe(error)}", remedy="Check DATABASE_URL."
        )
        return
    yield CheckResult("database", ok=True, found=shown)
    heads = list_wanted_heads()
    remedy = "" if at == heads else "Run: flask --app wsgi db upgrade"
    yield CheckResult("migrations", ok=at == heads, found=f"at {', '.join(at) or 'nothing'}", remedy=remedy)


def _describe(error: Exception) -> str:
    """Return the first line of what the database or Redis says of an error, without the statement."""
    said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    return said.partition("\n")[0] or "no answer"


def _data() -> Iterator[CheckResult]:
    folder = services().settings.brainbox_data
    probe = folder / ".doctor"
    try:
        probe.write_text("ok")
        probe.unlink()
    except OSError as error:
        yield CheckResult(
            "data", ok=False, found=f"{folder}: {error.strerror}", remedy="Let this user write there."
        )
        return
    yield CheckResult("data", ok=True, found=f"{folder} is writable")
    exposed = [str(path) for path, _ in data_folder.find_exposed(folder)]
    yield CheckResult(
        "privacy",
        ok=not exposed,
        found=f"other users of this machine can reach {', '.join(exposed)}"
        if exposed
        else f"{folder} is private",
        remedy=f"Run: chmod -R go-rwx {folder}" if exposed else "",
    )


def _redis() -> Iterator[CheckResult]:
    url = services().settings.redis_url
    if not url:
        yield CheckResult("redis", ok=True, found="none set: embedded, one process")
        return
    from redis import Redis, RedisError  # noqa: PLC0415  embedded does without Redis

    try:
        Redis.from_url(url, socket_timeout=3).ping()
        yield CheckResult("redis", ok=True, found="answers")
    except RedisError as error:
        yield CheckResult(
            "redis", ok=False, found=_describe(error), remedy="Start Redis, or check REDIS_URL."
        )


def _sandbox() -> Iterator[CheckResult]:
    sandbox = services().sandbox
    level = sandbox.get_level()
    remedy = _ISOLATION_REMEDIES.get(level.name, "") if level.is_safe else _UNSAFE_REMEDY
    yield CheckResult("sandbox", ok=level.is_safe, found=f"{level}; {_MODES[sandbox.mode]}", remedy=remedy)


_MODES = {
    "sticky": "sticky: a process serves up to 100 runs of one brain",
    "strict": "strict: each run has a process of its own",
}
_ISOLATION_REMEDIES = {
    "hardened": "Allow unprivileged user namespaces to add another layer; it holds without them.",
    "basic": "Use a kernel with Landlock (5.13 or later, with the LSM switched on) to add another layer.",
}
_UNSAFE_REMEDY = (
    "Use a kernel with seccomp. SANDBOX_UNSAFE=true runs scripts without isolation: "
    "set it only where you trust every operator."
)


def _owner() -> Iterator[CheckResult]:
    with services().database.read() as session:
        there = has_users(session)
    remedy = "" if there else "Open the address in a browser, or run: flask --app wsgi init --email YOU"
    yield CheckResult("owner", ok=there, found="there" if there else "no account yet", remedy=remedy)
    with services().database.read() as session:
        unreadable = second_factor.list_unreadable(session, services().vault)
    remedy = "Put the former key into SECRET_KEYS_OLD, or run: flask --app wsgi account reset-factor E-MAIL"
    for email in unreadable:
        found = f"{email}: the second factor does not open with this SECRET_KEY; recovery codes still work"
        yield CheckResult("factor", ok=False, found=found, remedy=remedy)


def _connections() -> Iterator[CheckResult]:
    connections = services().connections
    with services().database.read() as session:
        for row in list_connections(session):
            try:
                connections.load_config(row)
            except VaultError as error:
                yield CheckResult("connection", ok=False, found=row.name, remedy=str(error))
                continue
            is_paused = row.parked_until > services().clock()
            remedy = "Remove the cause, then press Resume on the connection's page." if is_paused else ""
            found = f"{row.name}: {f'sending paused: {row.parked_reason}' if is_paused else 'ready'}"
            yield CheckResult("connection", ok=not is_paused, found=found, remedy=remedy)


def _audit() -> Iterator[CheckResult]:
    for is_sound, found, remedy in check_audit():
        yield CheckResult("audit", ok=is_sound, found=found, remedy=remedy)


def _pipeline() -> Iterator[CheckResult]:
    shared = services()
    with shared.database.read() as session:
        lag = status.compute_lag(session, shared.clock())
        beats = status.list_workers(session, shared.clock())
    alive = [w["name"] for w in beats if w["name"].startswith("worker") and not w["late"]]
    remedy = "" if alive else "Start it: make run, or python huey_tasks.py"
    yield CheckResult("worker", ok=bool(alive), found=", ".join(alive) or "none running", remedy=remedy)
    with shared.database.read() as session:
        figures = status.collect_stats(session, shared.clock())
    refused, kept = figures["counters"].get("webhook.bad_signature", 0), figures["unhandled"]
    found = f"{refused} refused for a bad signature so far, {kept} signed ones not handled"
    remedy = (
        "See them: flask --app wsgi webhook list; handle them: flask --app wsgi webhook replay"
        if kept
        else ""
    )
    yield CheckResult("webhooks", ok=not kept, found=found, remedy=remedy)
    late, held = lag > status.HEARTBEAT_TIMEOUT_MS, figures["held"]
    remedy = "See which on the dashboard, and mend the command it names." if held else "Start another worker."
    found = f"{lag} ms, {held} chats held for a moment"
    yield CheckResult("lag", ok=not late, found=found, remedy=remedy if late else "")


def _catch_database_errors(check: Callable[[], Iterator[CheckResult]]) -> Callable[[], Iterator[CheckResult]]:
    """Turn database errors of a check into its result, so that the other checks still run."""

    def run() -> Iterator[CheckResult]:
        try:
            yield from check()
        except SQLAlchemyError as error:
            name = check.__name__.strip("_")
            yield CheckResult(name, ok=False, found=_describe(error), remedy="Mend the database first.")

    return run


CHECKS: tuple[Callable[[], Iterator[Any]], ...] = (
    _data,
    _database,
    _redis,
    _sandbox,
    *(_catch_database_errors(c) for c in (_owner, _audit, _connections, _pipeline)),
)
