from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from app.admin.workbench import drafts
from app.admin.workbench.command_view import list_trigger_kinds
from app.admin.workbench.view_model import Workbench
from app.brains import lint
from app.brains.sandbox import Sandbox
from app.services import Services
from app.web import db
from tests.admin.browser import ECHO, SCRIPT, Browser

# As it was when every fragment was drawn from one dict with all that any of them might need.
STATEMENTS_OF_THE_DICT = 10


@contextmanager
def count_statements(app: Flask, services: Services) -> Iterator[list[str]]:
    """List the SQL statements of both engines meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    with app.app_context():
        engines = {db.engine, services.database.engine}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield seen
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


def test_an_autosave_asks_the_database_for_less_than_the_whole_page(
    app: Flask, services: Services, owner: Browser, demo_brain: object
):
    assert demo_brain
    form = {**SCRIPT, "source": "ctx.reply(args.text)"}
    owner.post(ECHO, htmx=True, **form)
    with count_statements(app, services) as saved:
        assert owner.post(ECHO, htmx=True, **form).status_code == 200
    assert len(saved) < STATEMENTS_OF_THE_DICT


def test_an_autosave_lints_and_asks_the_sandbox_once(
    monkeypatch: pytest.MonkeyPatch, owner: Browser, demo_brain: object
):
    assert demo_brain
    asked: list[str] = []

    def watch(owner_class: Any, name: str) -> None:
        real = getattr(owner_class, name)

        def counted(*args: Any) -> Any:
            asked.append(name)
            return real(*args)

        monkeypatch.setattr(owner_class, name, counted)

    for owner_class, name in ((Sandbox, "check"), (Sandbox, "read_facts"), (lint, "lint")):
        watch(owner_class, name)
    assert owner.post(ECHO, htmx=True, **{**SCRIPT, "source": "ctx.reply('a')"}).status_code == 200
    assert sorted(asked) == ["check", "lint", "read_facts"]


def test_what_no_template_draws_is_not_read(
    app: Flask, services: Services, demo_brain: Any, monkeypatch: Any
):
    monkeypatch.setattr(drafts, "review_draft", lambda *_: pytest.fail("nobody asked for it"))
    with app.test_request_context(), count_statements(app, services) as seen:
        workbench = Workbench(demo_brain, "overview")
        assert workbench.names["echo"]
        assert workbench.sections
        assert seen == []
        assert workbench.live
        assert workbench.live
        assert len(seen) == 1


@pytest.mark.parametrize(
    ("draft", "chosen", "is_offered"),
    [
        ({}, "command", False),
        ({"intents": []}, "command", False),
        ({"intents": []}, "intent", True),
        ({"intents": [{"name": "greet", "examples": ["hi"]}]}, "command", True),
    ],
)
def test_a_trigger_is_offered_where_it_has_something_to_choose_from(
    draft: dict[str, Any], chosen: str, *, is_offered: bool
):
    assert ("intent" in dict(list_trigger_kinds(draft, chosen))) == is_offered
