"""Random changes through pages and the command line: one entry each, with what the tables had and have.

`AUDIT_CHANGES=1000 pytest tests/admin/test_audited_changes.py` makes a thousand on each database.
"""

import os
import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.roles import Role
from app.accounts.users import Passwords, User, create_user
from app.bot.models import Chat, Connection, Label, SavedReply
from app.brains.versions.models import Brain
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.db.schema import Base
from app.logs.audit.auditor import Auditor
from app.logs.audit.models import AuditEntry
from app.logs.audit.policies import AUDITED
from app.logs.audit.row_values import PRIVATE, SECRET
from app.logs.models import LogSource
from app.services import Services
from tests.admin.browser import PASSWORD

CHANGES = int(os.environ.get("AUDIT_CHANGES", "200"))
Dump = Mapping[tuple[str, str], Mapping[str, Any]]


@pytest.fixture
def app(open_installation: Flask) -> Flask:
    return open_installation


def dump(services: Services) -> Dump:
    """Return every audited row without its noise, by kind and key."""
    rows: dict[tuple[str, str], Mapping[str, Any]] = {}
    with services.database.read() as session:
        for name, policy in AUDITED.items():
            table = Base.metadata.tables[name]
            for row in session.execute(select(table)).mappings():
                key = ",".join(str(row[column.name]) for column in table.primary_key)
                rows[policy.kind, key] = {k: v for k, v in row.items() if k not in policy.noise}
    return rows


POLICIES = {policy.kind: policy for policy in AUDITED.values()}


def compare(entry: AuditEntry, before: Dump, after: Dump) -> None:
    """Check that an entry tells exactly what differs between two dumps, and tells no secret."""
    differing = {place for place in before.keys() | after.keys() if before.get(place) != after.get(place)}
    told = {(change["kind"], change["id"]): change for change in entry.changes}
    assert told.keys() == differing
    for place, change in told.items():
        old, new, policy = before.get(place), after.get(place), POLICIES[place[0]]
        assert (change["before"] is None, change["after"] is None) == (old is None, new is None)
        for values, row, other in ((change["before"], old, new), (change["after"], new, old)):
            if values is None or row is None:
                continue
            changed = {name for name in row if other is None or other[name] != row[name]}
            listed = {*policy.kept, *policy.secret, *policy.private, *policy.documents}
            shown = {name.partition("/")[0] for name in values}
            assert shown <= changed & listed
            assert shown >= (changed & listed) - set(policy.documents)
            for name in shown & {*policy.kept} - {*policy.screened}:
                assert values[name] == row[name]
            for name in shown & {*policy.secret, *policy.private}:
                assert values[name] in (SECRET, PRIVATE) or not row[name]


class Team:
    """An owner and an editor in front of pages, somebody at the command line, and what they may do at random."""

    def __init__(self, app: Flask, services: Services, chance: random.Random) -> None:
        self._app = app
        self._services = services
        self._chance = chance
        self._count = 0
        self._people = {role: self._enter(role) for role in (Role.OWNER, Role.EDITOR)}
        self.ids = {role: self._find(select(User.id).where(User.role == role))[0] for role in self._people}

    def _enter(self, role: Role) -> FlaskClient:
        client = self._app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"203.0.113.{len(role)}"
        form = {"email": f"{role}@example.com", "password": PASSWORD}
        assert client.post("/login", data=form).status_code == 302
        return client

    def _find(self, query: Any) -> list[Any]:
        with self._services.database.read() as session:
            return list(session.scalars(query))

    def _post(self, path: str, who: Role | None = None, **form: str) -> tuple[str, int | None, str | None]:
        who = who or self._chance.choice([*self._people])
        answer = self._people[who].post(path, data=form)
        assert answer.status_code in {200, 302}, (path, answer.status_code)
        return "person", self.ids[who], f"203.0.113.{len(who)}"

    def _run(self, *words: str) -> tuple[str, int | None, str | None]:
        result = self._app.test_cli_runner().invoke(args=list(words))
        assert result.exit_code == 0, result.output
        return "command_line", None, None

    def act(self) -> tuple[str, int | None, str | None]:
        """Do something at random; returns kind, id and address of who did it."""
        self._count += 1
        return self._chance.choice(self._list_acts())()

    def _list_acts(self) -> list[Callable[[], tuple[str, int | None, str | None]]]:
        n, chance, post = self._count, self._chance, self._post
        acts = [
            partial(post, "/chats/labels", name=f"label {n}", colour="teal"),
            partial(post, "/chats/replies/", name=f"reply{n}", text=f"text {n}"),
            partial(post, "/settings/account/profile", name=f"name {n}", language="en", timezone="UTC"),
            partial(
                post, "/settings/privacy/keep", Role.OWNER, messages=str(n), runs=chance.choice(["", "9"])
            ),
            partial(post, "/settings/people/invite", Role.OWNER, email=f"p{n}@example.com", role="agent"),
            partial(post, "/logs/sources/", Role.OWNER, name=f"source-{n}", days="", events_per_second="9"),
            partial(post, "/brains/", title=f"Brain {n}", start="demo"),
            partial(self._run, "logs", "token", f"service-{n}"),
            partial(self._run, "account", "invite", f"q{n}@example.com", "--role", "viewer"),
            partial(self._run, "account", "reset-password", "editor@example.com"),
        ]
        for label in self._find(select(Label.id))[:1]:
            acts.append(partial(post, f"/chats/labels/{label}", name=f"other {n}", colour="red"))
            acts.append(partial(post, f"/chats/labels/{label}/delete"))
        for reply in self._find(select(SavedReply.id))[:1]:
            acts.append(partial(post, f"/chats/replies/{reply}", name=f"reply{n}", text=f"other {n}"))
            acts.append(partial(post, f"/chats/replies/{reply}/delete"))
        for source in self._find(select(LogSource.id))[:1]:
            acts.append(partial(post, f"/logs/sources/{source}/token", Role.OWNER))
            acts.append(partial(post, f"/logs/sources/{source}/delete", Role.OWNER))
        unpublished = select(Brain.slug).where(Brain.live_version_id.is_(None), Brain.archived_at.is_(None))
        for slug in self._find(unpublished)[-1:]:
            acts += [partial(post, f"/brains/{slug}/publish", note=f"note {n}", anyway="yes")]
        for slug in self._find(select(Brain.slug).where(Brain.archived_at.is_(None)))[-1:]:
            acts += [partial(post, f"/brains/{slug}/archive")]
        for chat, paused in self._list_chats():
            act = "resume" if paused else "pause"
            acts.append(partial(post, f"/chats/{chat}/{act}"))
            acts.append(
                partial(post, f"/chats/{chat}/messages", **{"as": "note", "text": f"zanzibar note {n}"})
            )
            acts.append(partial(post, f"/chats/{chat}/messages", text=f"zanzibar {n}", once=f"once {n}"))
        return acts

    def _list_chats(self) -> list[tuple[int, bool]]:
        with self._services.database.read() as session:
            return [(row.id, row.paused_at is not None) for row in session.scalars(select(Chat))]


@pytest.mark.timeout(60 + CHANGES)
def test_random_changes_leave_one_entry_each_that_tells_what_changed(
    app: Flask, services: Services, simulated_connection: Connection
):
    person = Person(phone="15550100001", name="Ada")
    told = channel.build_text(Envelope("in.1", person, services.clock()), "hi")
    services.receive_local(simulated_connection.id, [told])
    for role in (Role.OWNER, Role.EDITOR):
        services.database.write(
            lambda s, role=role: create_user(
                s, services.get(Passwords), email=f"{role}@example.com", password=PASSWORD, now=1, role=role
            )
        )
    team, known, made = Team(app, services, random.Random(3)), dump(services), 0
    with services.database.read() as session:
        last = len(session.scalars(select(AuditEntry.number)).all())
    while made < CHANGES:
        who = team.act()
        there = dump(services)
        with services.database.read() as session:
            entries = list(session.scalars(select(AuditEntry).where(AuditEntry.number > last)))
        assert len(entries) == (there != known)
        for entry in entries:
            compare(entry, known, there)
            assert (entry.actor_kind, entry.actor_id, entry.address) == who
            assert (entry.action, entry.subject_kind) != ("", "")
            assert "Ada" not in str(entry.changes)
            assert "zanzibar" not in str(entry.changes)
        known, last, made = there, last + len(entries), made + len(entries)
    assert services.get(Auditor).verify() == []
