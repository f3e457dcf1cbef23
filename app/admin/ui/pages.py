"""Page modules: what the blueprint of each declares for the menu, the palette and the forms of connections."""

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from enum import StrEnum
from types import ModuleType
from typing import Any

from flask import Blueprint, Flask, current_app
from flask_login import current_user

from app.immutable import immutable


class TargetGroup(StrEnum):
    """Where a target is listed; those of a brain take its slug, those of a connection its id."""

    PAGE = "page"
    ACTION = "action"
    BRAIN_PAGE = "brain_page"
    BRAIN_ACTION = "brain_action"
    CONNECTION = "connection"


@immutable
class MenuItem:
    """The entry of a page in the menu: keys that lead there, and texts and a template that differ from the page's."""

    keys: str
    name: str = ""
    icon: str = ""
    badge_template: str = ""


@immutable
class Target:
    """A page or action by its view, the words it is found by, and the sheet (`anchor`) to open there.

    Targets of a group, and entries of the menu, are listed by `order`. `permission` is the endpoint whose right decides
    who sees it, by default its own.
    """

    view: str
    icon: str
    name: str
    keywords: tuple[str, ...] = ()
    anchor: str | None = None
    group: TargetGroup = TargetGroup.PAGE
    order: int = 0
    permission: str = ""
    menu: MenuItem | None = None
    # Of the group CONNECTION: the kind of channel whose connections link to the page.
    channel_kind: str = ""


@immutable
class Page:
    """A target of a registered blueprint, by its full endpoint."""

    blueprint: str
    endpoint: str
    target: Target


class PageBlueprint(Blueprint):
    """A blueprint of operators' pages; `section` names the blueprint whose entry in the menu is marked on them."""

    def __init__(
        self,
        name: str,
        import_name: str,
        *,
        section: str = "",
        targets: Sequence[Target] = (),
        **options: Any,
    ) -> None:
        super().__init__(name, import_name, **options)
        self.section = section or name
        self.targets = targets


def list_targets(app: Flask, group: TargetGroup) -> list[Page]:
    """List the targets of a group in their order."""
    found = [page for page in _iterate_pages(app) if page.target.group is group]
    return sorted(found, key=lambda page: page.target.order)


def list_menu() -> list[Page]:
    """List the entries of the menu that the current user may open."""
    pages = list_targets(current_app, TargetGroup.PAGE)
    return [page for page in pages if page.target.menu and is_allowed(page.endpoint)]


def list_connection_pages(channel_kind: str) -> list[Page]:
    """List the pages that belong to a connection of this kind of channel."""
    pages = list_targets(current_app, TargetGroup.CONNECTION)
    return [page for page in pages if page.target.channel_kind == channel_kind]


def get_section(blueprint: str | None) -> str:
    """Return the name of the menu's entry to mark on the pages of a blueprint; empty without one."""
    found = current_app.blueprints.get(blueprint or "")
    return found.section if isinstance(found, PageBlueprint) else ""


def is_allowed(endpoint: str) -> bool:
    """Tell whether the page of an endpoint opens for this person, by the right the page itself asks for."""
    right = getattr(current_app.view_functions[endpoint], "needs_right", None)
    return right is not None and current_user.has_right(right)


def find_modules(package: ModuleType) -> list[ModuleType]:
    """Import every module of a package and of the packages in it; return them in the order of their names."""
    names = [entry.name for entry in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return [importlib.import_module(name) for name in sorted(names)]


def _iterate_pages(app: Flask) -> Iterator[Page]:
    for name, blueprint in app.blueprints.items():
        if isinstance(blueprint, PageBlueprint):
            for target in blueprint.targets:
                yield Page(name, f"{name}.{target.view}", target)
