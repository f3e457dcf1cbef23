"""The learning page: what was not understood stands in clusters, and is dealt with in one gesture."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.roles import Role
from app.brains.versions import store
from app.services import Services
from tests.admin.browser import Browser

PAGE = "/brains/demo/learning/"
ODD = ("my parrot sings at night", "the parrot sings again", "a parrot that sings <i>loud</i>")


def read_draft(services: Services, brain_id: int) -> dict[str, Any]:
    with services.database.read() as session:
        return dict(store.get_brain(session, brain_id).draft)


def list_values(page: str) -> list[str]:
    """Return what the checkboxes stand for, cluster by cluster."""
    return re.findall(r'name="message" value="([\d,]+)"', page)


def find_undo(page: str) -> tuple[str, str]:
    """Return address and value of the notice's way back."""
    found = re.search(
        r'<form method="post" action="([^"]+)" data-after-save>.*?<textarea[^>]*>([^<]*)<', page, re.DOTALL
    )
    assert found
    return found.group(1), found.group(2)


def test_messages_that_were_not_understood_stand_together(
    owner: Browser, say: Callable[..., None], services: Services, shop: Any
):
    say(*ODD, "menu", "where is my order", "what does a ticket to mars cost")
    page = owner.get(PAGE).text
    assert "4 messages" in page
    assert page.count('<li class="cluster"') == 2
    assert page.index("3 messages") < page.index("1 message\n")
    assert "&lt;i&gt;loud" in page
    assert "<i>loud" not in page
    assert "where is my order" not in page
    assert page.count("test phone") == 4
    assert 'value="parrot_sings"' in page
    assert re.search(r'href="/chats/1\?start=\d+#m\d+"', page)
    assert re.search(r'badge-count" title="4 messages not understood"', owner.get("/brains/demo").text)
    assert "4 messages were" in owner.get("/brains/demo").text
    assert read_draft(services, shop.id)["intents"] == shop.draft["intents"]


def test_a_cluster_becomes_an_intent_and_an_undo_takes_it_back(
    owner: Browser, say: Callable[..., None], services: Services, shop: Any
):
    say(*ODD)
    values = list_values(owner.get(PAGE).text)
    answer = owner.post(f"{PAGE}new", message=values, name="parrot")
    assert (answer.status_code, answer.location) == (302, PAGE)
    page = owner.get(PAGE).text
    assert "3 wordings added to the new intent “parrot”" in page
    assert "Everything was understood" in page
    assert "badge-count" not in page
    intents = {each["name"]: each for each in read_draft(services, shop.id)["intents"]}
    assert sorted(intents["parrot"]["examples"]) == sorted(ODD)
    address, value = find_undo(page)
    owner.post(address, value=value)
    assert read_draft(services, shop.id)["intents"] == shop.draft["intents"]
    assert list_values(owner.get(PAGE).text) == values


def test_chosen_messages_are_added_to_a_likely_intent_or_one_that_is_searched_for(
    owner: Browser, say: Callable[..., None], services: Services, shop: Any
):
    say(*ODD)
    first, second, third = list_values(owner.get(PAGE).text)
    owner.post(f"{PAGE}add", message=[first], intent="refund", other="order_status", name="parrot")
    owner.post(f"{PAGE}fields", message=[second], other="opening_hours", name="parrot")
    owner.post(f"{PAGE}fields", message=[third], other="", name="parrot")
    intents = {each["name"]: len(each["examples"]) for each in read_draft(services, shop.id)["intents"]}
    assert intents == {"order_status": 7, "opening_hours": 8, "refund": 8, "parrot": 1}


@pytest.mark.parametrize(
    ("where", "form", "message"),
    [
        ("add", {"other": "parrots"}, "There is no intent “parrots”"),
        ("add", {"other": ""}, "Choose an intent."),
        ("new", {"name": "Not a name!"}, "Write the name in small letters"),
        ("new", {"name": "refund"}, "There is an intent “refund” already."),
    ],
)
def test_what_was_typed_wrong_is_told_beside_the_field_and_kept(
    owner: Browser, say: Callable[..., None], where: str, form: dict[str, str], message: str
):
    say(*ODD)
    page = owner.get(PAGE).text
    values, key = list_values(page), re.search(r'name="key" value="(\d+)"', page)
    assert key
    answer = owner.post(f"{PAGE}{where}", message=values[:1], key=key.group(1), **form)  # type: ignore[arg-type]  no `htmx` among them
    assert answer.status_code == 422
    assert message in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert all(f'value="{value}"' in answer.text for value in form.values())
    assert re.findall(r'name="message" value="([\d,]+)" checked', answer.text) == values[:1]


def test_nothing_chosen_is_told(owner: Browser, say: Callable[..., None]):
    say(*ODD)
    for where in ("add", "new", "none", "ignore"):
        answer = owner.post(f"{PAGE}{where}", intent="refund", name="parrot")
        assert (answer.status_code, "Choose at least one message." in answer.text) == (422, True)


def test_messages_that_are_not_for_the_bot_are_trained_as_such(
    owner: Browser, say: Callable[..., None], services: Services, shop: Any
):
    say(*ODD)
    owner.post(f"{PAGE}none", message=list_values(owner.get(PAGE).text))
    assert sorted(read_draft(services, shop.id)["not_intents"]) == sorted(ODD)
    page = owner.get(PAGE).text
    assert "3 wordings not for the bot" in page
    address, value = find_undo(page)
    owner.post(address, value=value)
    assert "not_intents" not in read_draft(services, shop.id)
    assert "3 messages" in owner.get(PAGE).text


def test_ignored_messages_are_hidden_until_they_are_asked_for(owner: Browser, say: Callable[..., None]):
    say(*ODD, "what does a ticket to mars cost")
    values = list_values(owner.get(PAGE).text)
    owner.post(f"{PAGE}ignore", message=values[:3])
    page = owner.get(PAGE).text
    assert "3 messages ignored." in page
    assert list_values(page) == values[3:]
    assert sorted(list_values(owner.get(f"{PAGE}?show=ignored").text)) == sorted(values[:3])
    address, value = find_undo(page)
    owner.post(address, value=value)
    assert list_values(owner.get(PAGE).text) == values
    owner.post(f"{PAGE}ignore", message=values[:1])
    owner.post(f"{PAGE}restore", message=values[:1])
    assert list_values(owner.get(PAGE).text) == values
    assert "Nothing is ignored" in owner.get(f"{PAGE}?show=ignored").text


def test_messages_of_another_brain_are_out_of_reach(
    owner: Browser, say: Callable[..., None], services: Services
):
    say(*ODD)
    values = list_values(owner.get(PAGE).text)
    services.database.write(
        lambda session: store.create_brain(
            session, "other", "Other", {"commands": [], "intents": [{"name": "a", "examples": ["b"]}]}, 1
        )
    )
    for where in ("new", "none", "ignore"):
        assert owner.post(f"/brains/other/learning/{where}", message=values, name="parrot").status_code == 422


def test_viewers_read_and_change_nothing(
    owner: Browser, sign_in: Callable[[Role], Browser], say: Callable[..., None]
):
    say(*ODD)
    assert owner
    viewer, agent = sign_in(Role.VIEWER), sign_in(Role.AGENT)
    page = viewer.get(PAGE).text
    assert "my parrot sings" in page
    assert 'name="message"' not in page
    for where in ("add", "new", "none", "ignore", "restore", "fields", "effect/"):
        assert viewer.post(f"{PAGE}{where}").status_code == 403
    assert agent.get(PAGE).status_code == 403


def test_a_brain_without_intents_says_what_comes(owner: Browser, demo_brain: Any):
    assert demo_brain
    assert "This brain has no intents yet" in owner.get(PAGE).text
