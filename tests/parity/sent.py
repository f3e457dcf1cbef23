"""Visible effects, and the requests WhatsApp gets for them, in one plain form."""

from collections.abc import Mapping
from typing import Any

Described = tuple[Any, ...]


def describe_effect(effect: Mapping[str, Any]) -> Described | None:
    """Return what a person gets to see of an effect; None when that is nothing."""
    kind = effect["effect"]
    if kind == "Reply":
        menu = effect["menu"] or {"button": "", "sections": []}
        rows = [row for part in menu["sections"] for row in part["rows"]]
        choices = [(each["id"], each["title"]) for each in (*effect["buttons"], *rows)]
        return "reply", effect["text"], choices, menu["button"], effect["header"], effect["footer"]
    if kind == "Media":
        return "media", effect["kind"], effect["link"], effect["caption"]
    return ("reaction", effect["emoji"]) if kind == "React" else None


def describe_sent(request: Mapping[str, Any]) -> Described:
    """Return what a person gets to see of a request."""
    kind = request["type"]
    body = request[kind]
    if kind == "text":
        return "reply", body["body"], [], "", "", ""
    if kind == "reaction":
        return "reaction", body["emoji"]
    if kind != "interactive":
        return "media", kind, body["link"], body.get("caption", "")
    action = body["action"]
    buttons = [each["reply"] for each in action.get("buttons", ())]
    rows = [row for part in action.get("sections", ()) for row in part["rows"]]
    choices = [(each["id"], each["title"]) for each in (*buttons, *rows)]
    header, footer = body.get("header", {}).get("text", ""), body.get("footer", {}).get("text", "")
    return "reply", body["body"]["text"], choices, action.get("button", ""), header, footer
