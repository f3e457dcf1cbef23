"""What the command palette leads to besides brains and chats: pages, and the actions of a page or a brain."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import current_app, url_for
from flask_login import current_user

from app.brains.ranking import Searched


@dataclass(frozen=True, slots=True)
class Jump:
    """One line of the palette; `press`: the control of the page shown that it works, for lack of an address."""

    name: str
    icon: str
    href: str = ""
    hint: str = ""
    press: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """An address by its endpoint, the words it is found by, and the sheet (`anchor`) to open there."""

    endpoint: str
    icon: str
    name: str
    words: tuple[str, ...] = ()
    anchor: str | None = None


PAGES = (
    Way("dashboard.board", "home", "Dashboard", ("home", "start", "health")),
    Way("brains.overview", "brain", "Brains", ("bots",)),
    Way("gallery.overview", "inbox", "Gallery", ("samples", "templates", "examples")),
    Way("simulator.phone", "device-mobile", "Simulator", ("phone", "try")),
    Way("chats.inbox", "messages", "Chats", ("inbox", "messages", "conversations")),
    Way("failures.desk", "alert-triangle", "Failures", ("dead", "unknown", "held", "not sent", "errors")),
    Way("analytics.board", "chart-bar", "Analytics", ("numbers", "statistics", "charts", "report")),
    Way("chat_marks.overview", "list", "Labels of chats", ("tags", "colours")),
    Way("connections.overview", "plug-connected", "Connections", ("numbers", "channels", "whatsapp")),
    Way("privacy.overview", "eye", "Privacy", ("settings", "retention", "erase", "delete", "gdpr", "days")),
    Way("ai.overview", "wand", "AI providers", ("settings", "models", "openai", "keys")),
)
ACTIONS = (
    Way("brains.overview", "plus", "New brain", ("create", "make", "add"), "new-brain"),
    Way("importing.take_in", "upload", "Import a brain", ("yaml", "upload", "file")),
    Way("connections.new", "plus", "New connection", ("add", "number", "whatsapp")),
    Way("ai.new", "plus", "New AI provider", ("add", "model", "key")),
)
# What the page shown does by itself; each presses a control that is there on every page.
PRESSES = tuple(
    (Searched.of(name, words), Jump(name, icon, press=press))
    for name, icon, press, words in (
        ("Light theme", "sun", "[data-theme-choice=light]", ("switch theme", "bright")),
        ("Dark theme", "moon", "[data-theme-choice=dark]", ("switch theme", "night")),
        ("Theme as the system", "device-desktop", "[data-theme-choice=system]", ("switch theme",)),
        ("Fold the menu", "layout-sidebar-left-collapse", "[data-fold]", ("sidebar", "collapse", "unfold")),
        ("Keyboard shortcuts", "help-circle", "[data-keys-open]", ("help", "hotkeys")),
        ("Sign out", "logout", ".side-user button", ("log out", "leave")),
    )
)
SECTIONS = (
    Way("brains.workbench", "list", "Commands", ("workbench", "overview", "editor")),
    Way("tests.overview", "circle-check", "Tests"),
    Way("prompts.overview", "wand", "Prompts", ("ai",)),
    Way("publishing.history", "history", "Versions", ("history", "roll back", "rollback", "undo")),
    Way("comparing.compare", "copy", "Compare the draft with live", ("diff", "changes")),
    Way("faults.overview", "alert-triangle", "Errors", ("failures", "faults")),
    Way("analytics.brain", "chart-bar", "Analytics", ("numbers", "statistics", "charts")),
    Way("rollouts.overview", "bolt", "Rollout", ("canary", "shadow", "try on some")),
    Way("playground.phones", "device-mobile", "Playground", ("try", "phone", "draft", "simulator")),
    Way("brains.settings", "settings", "Settings", ("grants", "groups", "prefixes", "time zone")),
)
BRAIN_ACTIONS = (
    Way("commands.new", "plus", "New command", ("add", "create")),
    Way("brains.workbench", "rocket", "Publish", ("go live", "deploy", "release"), "publish"),
    Way("tests.new", "plus", "New test", ("add", "create")),
    Way("rehearsing.begin", "history", "Rehearse on real messages", ("replay", "try")),
    Way("brains.export", "download", "Export as YAML", ("download", "backup", "share")),
)
# Sheets only who may change something sees.
_SHEETS = {"new-brain": "brains.create", "publish": "publishing.publish"}


def of_pages() -> list[tuple[Searched, Jump]]:
    """Return the pages this person may see."""
    return list(_open(PAGES))


def of_actions() -> list[tuple[Searched, Jump]]:
    """Return what this person may do from any page."""
    return [*_open(ACTIONS), *PRESSES]


def of_brain(slug: str, title: str) -> list[tuple[Searched, Jump]]:
    """Return the pages and actions of a brain that this person may use."""
    return list(_open((*SECTIONS, *BRAIN_ACTIONS), title, slug=slug))


def _open(ways: Iterable[Way], place: str = "", **values: Any) -> Iterator[tuple[Searched, Jump]]:
    for way in ways:
        if allowed(_SHEETS.get(way.anchor or "", way.endpoint)):
            address = url_for(way.endpoint, _anchor=way.anchor, **values)
            yield Searched.of(way.name, way.words, place), Jump(way.name, way.icon, address, place)


def allowed(endpoint: str) -> bool:
    """Tell whether the page of an endpoint opens for this person, by the role the page itself asks for."""
    return current_user.may(current_app.view_functions[endpoint].needs_role)  # type: ignore[attr-defined]
