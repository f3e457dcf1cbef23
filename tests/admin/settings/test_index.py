"""The settings have a page of their own that leads to each of them."""

from collections.abc import Callable

from app.accounts.roles import Role
from app.admin.settings.index import PAGES
from tests.admin.browser import Browser


def test_the_settings_lead_to_each_of_their_pages(owner: Browser):
    page = owner.get("/settings/").text
    for address in ("account/", "people/", "ai/", "privacy/", "audit/"):
        assert f'href="/settings/{address}"' in page
        assert 'aria-current="page"' in owner.get(f"/settings/{address}").text
    for address in ("/chats/labels", "/chats/replies/", "/connections/"):
        assert f'href="{address}"' in page
    assert len(PAGES) == 7


def test_everybody_sees_only_what_they_may_open(sign_in: Callable[[Role], Browser]):
    page = sign_in(Role.VIEWER).get("/settings/").text
    assert 'href="/settings/account/"' in page
    assert 'href="/settings/privacy/"' not in page
    page = sign_in(Role.AGENT).get("/settings/").text
    assert 'href="/settings/account/"' in page
    for address in ("/settings/ai/", "/settings/privacy/", "/chats/labels", "/connections/"):
        assert f'href="{address}"' not in page
