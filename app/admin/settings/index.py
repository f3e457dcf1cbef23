"""Settings page: what can be set, each with a line that says what it is."""

from typing import Final, NamedTuple

from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui.pages import MenuItem, PageBlueprint, Target, is_allowed
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show


class SettingsPage(NamedTuple):
    """A page of the settings by its endpoint; `description` is shown on the index only."""

    endpoint: str
    name: str
    icon: str
    description: str


PAGES: Final = (
    SettingsPage(
        "account.show_account", "Your account", "user", "Name, password, second factor, devices signed in."
    ),
    SettingsPage("people.show_list", "People", "users", "Who signs in, with which role; invitations."),
    SettingsPage("ai.show_list", "AI providers", "wand", "Keys, models and token prices."),
    SettingsPage("privacy.show_overview", "Privacy", "key", "Data retention, and the erasure of a person."),
    SettingsPage("audit.show_entries", "Audit", "history", "Who changed what, and when."),
    SettingsPage("labels.show_list", "Labels", "tag", "Names and colours that organise chats."),
    SettingsPage("saved_replies.show_list", "Saved replies", "message", "Texts inserted by / in a chat."),
)

blueprint = PageBlueprint(
    "settings",
    __name__,
    url_prefix="/settings",
    targets=(
        Target(
            "show_pages",
            "settings",
            "Settings",
            ("preferences", "options", "administration"),
            order=110,
            menu=MenuItem("g p"),
        ),
    ),
)


@blueprint.app_template_global("list_settings_pages")
def list_settings_pages() -> list[SettingsPage]:
    """List the pages of the settings that the current user may open."""
    return [page for page in PAGES if is_allowed(page.endpoint)]


@blueprint.get("/")
@require_right(Right.ACCOUNT)
def show_pages() -> Response:
    """Show what can be set."""
    return show("settings/index.html")
