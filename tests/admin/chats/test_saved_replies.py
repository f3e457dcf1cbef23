"""The pages of saved replies: create, change, delete with undo, and what the reply box finds."""

from collections.abc import Callable

from app.accounts.roles import Role
from tests.admin.browser import Browser


def test_a_reply_is_created_changed_deleted_and_brought_back(owner: Browser):
    assert "No saved replies yet" in owner.get("/chats/replies/").text
    owner.post("/chats/replies/", name="hours", text="From 9 to 18.\nClosed on <Sunday>.")
    page = owner.get("/chats/replies/").text
    assert "/hours" in page
    assert "&lt;Sunday&gt;" in page
    assert owner.post("/chats/replies/1", name="opening", text="From 8.").status_code == 302
    assert 'data-reply="From 8."' in owner.get("/chats/replies/find?q=open", htmx=True).text
    owner.post("/chats/replies/1/delete")
    assert "No saved replies yet" in owner.get("/chats/replies/").text
    owner.post("/chats/replies/restore", value="opening\r\nFrom 8.\r\nTo 9.")
    assert "/opening" in owner.get("/chats/replies/").text
    assert 'data-reply="From 8.\nTo 9."' in owner.get("/chats/replies/find", htmx=True).text


def test_what_was_refused_stays_in_its_form(owner: Browser):
    owner.post("/chats/replies/", name="hours", text="From 9.")
    answer = owner.post("/chats/replies/", name="HOURS", text="a long text somebody wrote")
    assert answer.status_code == 422
    assert "another saved reply" in answer.text
    assert answer.text.count("a long text somebody wrote") == 1
    changed = owner.post("/chats/replies/1", name="", text="kept as well")
    assert changed.status_code == 422
    assert "kept as well" in changed.text


def test_a_search_without_matches_says_so_and_alone_leads_to_the_page(owner: Browser):
    assert "No saved replies yet." in owner.get("/chats/replies/find", htmx=True).text
    assert "No saved reply matches." in owner.get("/chats/replies/find?q=x", htmx=True).text
    assert owner.get("/chats/replies/find").location.endswith("/chats/replies/")


def test_viewers_and_agents_read_saved_replies_and_agents_insert_them(
    sign_in: Callable[[Role], Browser], owner: Browser
):
    owner.post("/chats/replies/", name="hours", text="From nine to five.")
    for role, code in ((Role.VIEWER, 403), (Role.AGENT, 200)):
        reader = sign_in(role)
        page = reader.get("/chats/replies/").text
        assert "From nine to five." in page
        assert "<textarea" not in page.split("<main")[1].split("</main>")[0]
        assert reader.get("/chats/replies/find", htmx=True).status_code == code
        assert reader.post("/chats/replies/1", name="hours", text="x").status_code == 403
