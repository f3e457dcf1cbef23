"""Pages and actions the command palette offers besides brains and chats, with their search words."""

from collections.abc import Iterator
from typing import Any

from flask import current_app, url_for

from app.admin.ui.pages import TargetGroup, is_allowed, list_targets
from app.brains.fuzzy import SearchText
from app.immutable import immutable


@immutable
class PaletteEntry:
    """One line of the palette; `selector`: the control of the page shown that it works, for lack of an address."""

    name: str
    icon: str
    href: str = ""
    hint: str = ""
    selector: str = ""


# What the page shown does by itself; each presses a control that is there on every page.
PAGE_CONTROLS = tuple(
    (SearchText.from_text(name, words), PaletteEntry(name, icon, selector=press))
    for name, icon, press, words in (
        ("Light theme", "sun", "[data-theme-choice=light]", ("switch theme", "bright")),
        ("Dark theme", "moon", "[data-theme-choice=dark]", ("switch theme", "night")),
        ("Theme as the system", "device-desktop", "[data-theme-choice=system]", ("switch theme",)),
        ("Fold the menu", "layout-sidebar-left-collapse", "[data-fold]", ("sidebar", "collapse", "unfold")),
        ("Keyboard shortcuts", "help-circle", "[data-keys-open]", ("help", "hotkeys")),
        ("Sign out", "logout", ".side-user button", ("log out", "leave")),
    )
)


def list_pages() -> list[tuple[SearchText, PaletteEntry]]:
    """Return the pages this person may see."""
    return list(_select_allowed(TargetGroup.PAGE))


def list_actions() -> list[tuple[SearchText, PaletteEntry]]:
    """Return what this person may do from any page."""
    return [*_select_allowed(TargetGroup.ACTION), *PAGE_CONTROLS]


def list_brain_targets(slug: str, title: str) -> list[tuple[SearchText, PaletteEntry]]:
    """Return the pages and actions of a brain that this person may use."""
    groups = (TargetGroup.BRAIN_PAGE, TargetGroup.BRAIN_ACTION)
    return [entry for group in groups for entry in _select_allowed(group, title, slug=slug)]


def _select_allowed(
    group: TargetGroup, place: str = "", **values: Any
) -> Iterator[tuple[SearchText, PaletteEntry]]:
    for page in list_targets(current_app, group):
        target = page.target
        if is_allowed(target.permission or page.endpoint):
            address = url_for(page.endpoint, _anchor=target.anchor, **values)
            yield (
                SearchText.from_text(target.name, target.keywords, place),
                PaletteEntry(target.name, target.icon, address, place),
            )
