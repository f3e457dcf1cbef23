"""The audit's pages: filters of the address, pages, an entry with its diff, the check, and who may see them."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from app.accounts.users import Role
from app.bot.models import Connection
from app.services import Services
from tests.admin.audit.conftest import AT, build_change, build_entry
from tests.admin.browser import Browser

Put = Callable[..., None]


@pytest.fixture
def clean(services: Services, owner: Browser) -> None:  # noqa: ARG001  whose sign-in is an entry
    """Begin with no entries but those of a test, whatever the sign-in has left."""

    def empty(db: Any) -> None:
        for name in ("audit_entry_stays", "audit_entry_kept"):
            db.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        for table in ("audit_entry", "audit_head"):
            db.execute(text(f"DELETE FROM {table}"))  # noqa: S608  two names

    services.database.writer.run(empty)


@pytest.mark.usefixtures("clean")
def test_without_entries_the_page_says_so(owner: Browser):
    page = owner.get("/settings/audit/").text
    assert "No entry yet" in page
    assert "Not checked yet" in page
    assert "export.csv" not in page


@pytest.fixture
def entries(clean: None, put_entries: Put) -> None:  # noqa: ARG001  first
    put_entries(
        *(build_entry(n) for n in range(1, 131)),
        build_entry(131, actor_id=2, actor_name="Grace", action="brain published", subject_kind="brain", subject_id="5",
                    subject_name="quiz", changes=[build_change({"title": "A"}, {"title": "B"}, "brain")]),
        build_entry(132, actor_kind="system", actor_id=None, actor_name="prune_logs", action="lines deleted",
                    subject_kind="data retention", subject_id="logs", subject_name="", address=None,
                    request_id="r-1", at=AT + 10 * 86_400_000),
    )  # fmt: skip


@pytest.mark.usefixtures("entries")
def test_the_newest_entries_stand_first_and_older_ones_a_page_later(owner: Browser):
    page = owner.get("/settings/audit/").text
    assert page.index("label &lt;130&gt;") < page.index("label &lt;33&gt;")
    assert "label &lt;32&gt;" not in page
    assert "before=33" in page
    assert 'data-topic="audit"' in page
    older = owner.get("/settings/audit/?before=33").text
    assert "label &lt;32&gt;" in older
    assert 'data-topic="audit"' not in older


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize(
    ("address", "shown", "hidden"),
    [
        ("actor=person:2", "quiz", "&lt;130&gt;"), ("actor=system", "prune_logs", "quiz"),
        ("kind=brain", "quiz", "&lt;130&gt;"), ("kind=brain&subject=5", "quiz", "&lt;130&gt;"),
        ("kind=brain&subject=6", "Nothing matches", "quiz"), ("action=brain+published", "quiz", "&lt;130&gt;"),
        ("q=LABEL+%3C42", "&lt;42&gt;", "&lt;43&gt;"), ("q=grace", "quiz", "&lt;130&gt;"),
        ("request=r-1", "prune_logs", "quiz"),
        ("from=2026-06-01", "prune_logs", "quiz"), ("to=2026-06-01", "quiz", "deleted</strong>"),
        ("from=nonsense", "Choose days such as", "nothing"), ("q=%25", "Nothing matches", "quiz</bdi>"),
    ],
)  # fmt: skip
def test_every_filter_stands_in_the_address(owner: Browser, address: str, shown: str, hidden: str):
    page = owner.get(f"/settings/audit/?{address}", htmx=True).text
    assert shown in page
    assert hidden not in page
    assert "<html" not in page


@pytest.mark.usefixtures("entries")
def test_the_choices_are_what_there_are_entries_of(owner: Browser):
    page = owner.get("/settings/audit/?actor=token:9").text
    assert '<option value="person:2" >Grace</option>' in page
    assert '<option value="system" >System</option>' in page
    assert '<option value="brain published" >' in page
    assert '<option value="token:9" selected>' in page


@pytest.mark.usefixtures("entries")
def test_an_entry_is_summed_up_and_opens_to_what_it_changed(owner: Browser):
    assert "name: \u2068A\u2069 → \u2068B\u2069" in owner.get("/settings/audit/?kind=brain").text
    entry = owner.get("/settings/audit/131", htmx=True).text
    assert "<html" not in entry
    for words in (
        "Grace",
        "192.0.2.7",
        "<dt>Name</dt>",
        "before: </span>A</del>",
        "after: </span>B</ins>",
        f"{131:064x}",
    ):
        assert words in entry
    alone = owner.get("/settings/audit/131").text
    assert "All entries" in alone
    assert 'aria-label="Settings"' in alone
    assert owner.get("/settings/audit/999").status_code == 404


@pytest.mark.usefixtures("clean")
def test_created_deleted_hidden_and_uncounted_rows_are_told_as_such(owner: Browser, put_entries: Put):
    put_entries(
        build_entry(1, changes=[
            build_change(None, {"name": "VIP <b>", "created_at": AT}),
            build_change({"name": "old"}, None, "saved reply"),
            build_change({"secrets": {"hidden": "secret"}}, {"secrets": {"hidden": "secret"}}, "connection"),
            build_change({"text": {"hidden": "private"}}, {"text": ""}, "note"), build_change(None, None, more=12),
        ]),
        build_entry(2, changes=[build_change(None, None, size=99_000)]), build_entry(3),
    )  # fmt: skip
    entry = owner.get("/settings/audit/1").text
    for words in ("Created</span>", "VIP &lt;b&gt;", "28 May 2026", "Deleted</span>", "was: </span>old</del>",
                  ">changed</span>", "of which nothing is kept", ">removed</span>", "and 12 more"):  # fmt: skip
        assert words in entry
    assert "Too much changed at once" in owner.get("/settings/audit/2").text
    assert "Nothing stored was changed" in owner.get("/settings/audit/3").text


@pytest.mark.usefixtures("clean")
def test_texts_of_any_script_and_length_are_shown_as_they_are(owner: Browser, put_entries: Put):
    name = "مرحبا \u202eevil " + "很" * 150
    long = "\n".join(f"<line {n}>" for n in range(60))
    put_entries(
        build_entry(1, subject_name=name, actor_name="אדה",
                    changes=[build_change({"note": long}, {"note": long.replace("30>", "thirty>")})])
    )  # fmt: skip
    page = owner.get("/settings/audit/").text
    assert f"<bdi>{name}</bdi>" in page
    entry = owner.get("/settings/audit/1").text
    assert "What changed in a long text" in entry
    assert "unchanged lines" in entry


def test_a_subject_leads_to_its_page_while_it_exists(
    owner: Browser,
    put_entries: Put,
    simulated_connection: Connection,
    clean: None,  # noqa: ARG001  last
):
    number = simulated_connection.id
    put_entries(
        build_entry(1, subject_kind="connection", subject_id=str(number), subject_name="Test phone"),
        build_entry(2, subject_kind="connection", subject_id="987", subject_name="Gone phone"),
        build_entry(
            3, subject_kind="brain", subject_id=str(simulated_connection.brain_id), subject_name="demo"
        ),
        build_entry(4, subject_kind="person", subject_id="1", subject_name="owner@example.com"),
        build_entry(5, subject_kind="audit", subject_id="", subject_name=""),
        build_entry(6, subject_kind="brain", subject_id="x", subject_name="odd"),
    )
    page = owner.get("/settings/audit/").text
    for address in (f"/connections/{number}", "/brains/demo", "/settings/people/#person-1"):
        assert f'class="icon-button audit-link" href="{address}"' in page
    assert page.count("audit-link") == 3
    assert f'kind=connection&amp;subject={number}"' in owner.get("/settings/audit/1").text


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER, Role.AGENT])
def test_only_owners_see_the_audit(sign_in: Callable[[Role], Browser], role: Role):
    visitor = sign_in(role)
    for path in (
        "/settings/audit/",
        "/settings/audit/1",
        "/settings/audit/export.csv",
        "/settings/audit/check",
    ):
        assert visitor.get(path).status_code == 403
    assert "/settings/audit/" not in visitor.get("/settings/").text


def test_a_check_is_begun_followed_and_told(owner: Browser, services: Services):
    shown = owner.post("/settings/audit/check", htmx=True).text
    assert "audit-chain" in shown
    assert "<html" not in shown
    begun = services.audit_checks.latest
    assert begun
    assert begun.future
    begun.future.result(10)
    assert "The chain is whole" in owner.get("/settings/audit/check", htmx=True).text
    assert owner.get("/settings/audit/check").status_code == 302
    assert owner.post("/settings/audit/check").status_code == 302


def test_history_is_reached_from_a_person_a_brain_and_a_connection(
    owner: Browser, simulated_connection: Connection, sign_in: Callable[[Role], Browser]
):
    number = simulated_connection.id
    pages = {
        "/settings/people/": "kind=person&amp;subject=1",
        f"/connections/{number}": f"kind=connection&amp;subject={number}",
        "/brains/demo/settings": f"kind=brain&amp;subject={simulated_connection.brain_id}",
    }
    for path, address in pages.items():
        assert f"/settings/audit/?{address}" in owner.get(path).text
    editor = sign_in(Role.EDITOR)
    assert "/settings/audit/" not in editor.get("/brains/demo/settings").text


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize(
    "assignment", ["changes = '[{\"bad'", "at = 'tomorrow'", "at = 900000000000000000", "actor_id = 'x'"]
)
def test_an_unreadable_entry_is_shown_as_such_and_the_others_as_they_are(
    owner: Browser, services: Services, assignment: str
):
    if services.database.engine.dialect.name == "postgresql" and "'" in assignment:
        pytest.skip("refused by the types of PostgreSQL")
    statement = text(f"UPDATE audit_entry SET {assignment} WHERE number IN (1, 131)")  # noqa: S608  our own words
    services.database.writer.run(lambda db: db.execute(statement) and None)
    page = owner.get("/settings/audit/").text
    assert "altered: not all of it can be read" in page
    assert "label &lt;130&gt;" in page
    assert "prune_logs" in page
    entry = owner.get("/settings/audit/131").text
    assert "This entry was changed after it was written" in entry
    assert "unreadable: " in entry
    for form in ("csv", "ndjson"):
        answer = owner.get(f"/settings/audit/export.{form}")
        assert answer.status_code == 200
        assert len(answer.text.splitlines()) == 132 + (form == "csv")
        assert "unreadable: " in answer.text
