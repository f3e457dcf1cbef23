"""Errors of commands: grouped on their page, counted beside their command, settled and opened again."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.roles import Role
from app.bot import command_errors
from app.bot.models import Connection
from app.brains.sandbox import SandboxError
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.services import Services
from tests.admin.browser import Browser

ERRORS = "/brains/demo/errors/"


@pytest.fixture
def record_failure(
    app: Flask, services: Services, simulated_connection: Connection, demo_brain: Any
) -> Callable[..., None]:
    """Let a command have failed, so many times, on a message."""
    person = Person(phone="15550100001", name="Ada")
    item = channel.build_text(Envelope("in.1", person, services.clock()), "!echo")
    with app.app_context():
        app.extensions["services"].receive_local(simulated_connection.id, [item])

    def record(
        times: int = 1, command_id: str = "echo", message: str = "“Nothing” cannot be <added>."
    ) -> None:
        problem = SandboxError(
            "error",
            message,
            "Give it a first value.",
            2,
            5,
            9,
            ("1: a = 1", "2: b = None + a", "3: ctx.reply(b)"),
        )
        case = command_errors.FailureContext(
            demo_brain.id,
            command_id,
            demo_brain.live_version_id,
            1,
            1,
            simulated_connection.id,
            services.clock(),
        )
        services.database.writer.run(lambda db: command_errors.record(db, [(case, problem)] * times))

    return record


def test_no_errors_says_so(owner: Browser, demo_brain: Any):
    assert demo_brain
    assert "No errors" in owner.get(ERRORS).text


def test_an_error_is_shown_with_its_lines_count_version_and_message(
    owner: Browser, record_failure: Callable[..., None]
):
    record_failure(3)
    page = owner.get(ERRORS).text
    assert "“Nothing” cannot be &lt;added&gt;." in page
    assert "Give it a first value." in page
    assert "3 times" in page
    assert "version 1" in page
    assert "/chats/1#m1" in page
    assert "/brains/demo/commands/echo?line=2" in page
    assert "The error is in line </span>2" in page


def test_the_command_list_the_editor_and_the_dashboard_link_to_the_error(
    owner: Browser, record_failure: Callable[..., None]
):
    record_failure()
    record_failure(message="Another one.")
    assert "2<span" in owner.get("/brains/demo").text
    editor = owner.get("/brains/demo/commands/echo").text
    assert "Errors in live chats" in editor
    assert "Another one." in editor
    assert "Errors in live chats" not in owner.get("/brains/demo/commands/menu").text
    board = owner.get("/dashboard").text
    assert "Commands with recent errors" in board
    assert "Another one." in board


def test_a_resolved_error_comes_back_by_undo_and_when_it_happens_again(
    owner: Browser, record_failure: Callable[..., None]
):
    record_failure()
    settled = owner.post(f"{ERRORS}1/settle", htmx=True).text
    assert "No errors" in settled
    assert "/brains/demo/errors/1/reopen" in settled
    assert "“Nothing” cannot" in owner.get(f"{ERRORS}?settled=yes").text
    owner.post(f"{ERRORS}1/reopen")
    assert "“Nothing” cannot" in owner.get(ERRORS).text
    owner.post(f"{ERRORS}1/settle")
    record_failure()
    assert "2 times" in owner.get(ERRORS).text


def test_an_error_of_a_removed_command_is_still_shown(owner: Browser, record_failure: Callable[..., None]):
    record_failure(command_id="gone")
    assert "A command that is no longer in the draft" in owner.get(ERRORS).text
    assert "Removed" in owner.get("/dashboard").text


def test_an_error_of_another_brain_cannot_be_resolved_here(
    owner: Browser, record_failure: Callable[..., None]
):
    record_failure()
    owner.post("/brains/", title="Other", start="blank")
    owner.post("/brains/other/errors/1/settle")
    assert "“Nothing” cannot" in owner.get(ERRORS).text


def test_viewers_read_and_do_not_resolve(
    sign_in: Callable[[Role], Browser], record_failure: Callable[..., None]
):
    record_failure()
    viewer = sign_in(Role.VIEWER)
    page = viewer.get(ERRORS)
    assert page.status_code == 200
    assert "/settle" not in page.text
    assert viewer.post(f"{ERRORS}1/settle").status_code == 403
