"""Undo of a draft change: a reverse patch that keeps later changes."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, current_app, redirect, request, url_for
from itsdangerous import BadData, URLSafeSerializer
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui import responses
from app.admin.ui.permissions import require_right
from app.admin.workbench import drafts
from app.signals import DomainError

blueprint = Blueprint("undo", __name__, url_prefix="/brains/<slug>")

Document = dict[str, Any]


class UndoError(DomainError):
    """What a notice offers to take back is not readable any more."""

    code = "not-undoable"


def notify(message: str, slug: str, change: drafts.DraftChange) -> None:
    """Tell of a change to a draft, with the way to take it back."""
    value = str(_serializer(slug).dumps(build_reverse_patch(change.before, change.after)))
    responses.flash_undo(message, url_for("undo.undo", slug=slug), value)


@blueprint.post("/undo")
@require_right(Right.WRITE_BRAINS)
def undo(slug: str) -> Response:
    """Take a change back."""
    try:
        change = _serializer(slug).loads(request.form.get("value", ""))
    except BadData as error:
        raise UndoError("This can no longer be undone: the page is too old.") from error
    left: list[str] = []

    def put(draft: Document) -> Document:
        restored, left[:] = apply_reverse_patch(draft, change)
        return restored

    drafts.change(slug, put)
    if left:
        responses.flash_notice(f"Undone, except what was changed since: {', '.join(left)}.", "bad")
    else:
        responses.flash_notice("Undone.")
    return redirect(_page(slug, change))


def build_reverse_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> Document:
    """Return what is needed to take a change back: old parts with the marks of the new ones, and both orders."""
    old, new = _by_id(before), _by_id(after)
    rest = (set(before) | set(after)) - {"commands"}
    return {
        "commands": {key: _pair(old, new, key) for key in {**old, **new} if old.get(key) != new.get(key)},
        "rest": {key: _pair(before, after, key) for key in sorted(rest) if before.get(key) != after.get(key)},
        "order": [list(old), list(new)],
    }


def apply_reverse_patch(draft: Mapping[str, Any], change: Mapping[str, Any]) -> tuple[Document, list[str]]:
    """Return the draft without a change, and the names of what was changed since and is left alone."""
    commands, left = _restore(_by_id(draft), change["commands"])
    rest, also = _restore(draft, change["rest"])
    was, became = change["order"]
    if list(_by_id(draft)) == became:
        order = [*was, *(key for key in commands if key not in was)]
    else:
        order = _merge_order(list(_by_id(draft)), was)
    names = [str(commands[key].get("name") or key) if key in commands else key for key in left]
    listed = [commands[key] for key in order if key in commands]
    return {**rest, "commands": listed}, [f"“{name}”" for name in names] + also


def _restore(now: Mapping[str, Any], changed: Mapping[str, Any]) -> tuple[Document, list[str]]:
    restored, left = dict(now), []
    for key, (old, mark) in changed.items():
        if _compute_fingerprint(now.get(key)) != mark:
            left.append(key)
        elif old is None:
            restored.pop(key, None)
        else:
            restored[key] = old
    return restored, left


def _merge_order(order: list[str], was: list[str]) -> list[str]:
    """Put ids that are missing back behind those they stood behind; the order of the others stays."""
    woven = list(order)
    for place, key in enumerate(was):
        if key not in woven:
            before = next((each for each in reversed(was[:place]) if each in woven), None)
            woven.insert(0 if before is None else woven.index(before) + 1, key)
    return woven


def _pair(old: Mapping[str, Any], new: Mapping[str, Any], key: str) -> list[Any]:
    return [old.get(key), _compute_fingerprint(new.get(key))]


def _compute_fingerprint(value: Any) -> str:
    return drafts.compute_fingerprint(value)


def _by_id(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in document.get("commands") or []}


def _serializer(slug: str) -> URLSafeSerializer:
    """Sign, so that only what we wrote is put back; it also packs."""
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=f"undo:{slug}")


def _page(slug: str, change: Mapping[str, Any]) -> str:
    """Return where to go: to the one command that came back, else to the page of this brain they were on."""
    back = [key for key, (old, mark) in change["commands"].items() if old is not None and not mark]
    home = url_for("brains.show_workbench", slug=slug)
    if len(back) == 1:
        return url_for("commands.show_command", slug=slug, command_id=back[0])
    came = urlsplit(request.referrer or "").path
    return came if came == home or came.startswith(f"{home}/") else home
