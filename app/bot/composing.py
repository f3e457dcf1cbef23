"""From a brain's effects to messages that can be sent."""

from typing import Any

from app.bot.content import ContentError, parse_content, reply_content
from app.bot.schedules import KIND as TICK
from app.bot.turns import Reply
from app.brains import effects


def compose(effect: effects.Reply | effects.Media | effects.React, kind: str, provider_id: str) -> Reply:
    """Make an effect sendable, in answer to a message of this kind and id; raises ContentError.

    What a schedule started answers no message: it quotes nothing and reacts to nothing.
    """
    target = None if kind == TICK else provider_id
    if isinstance(effect, effects.Reply):
        return _reply(effect, target)
    if isinstance(effect, effects.React):
        return _reaction(effect, target)
    content = _media(effect)
    return Reply(content, effect.caption or effect.filename)


def _reply(reply: effects.Reply, target: str | None) -> Reply:
    quoted = target if reply.quote else None
    if not (reply.buttons or reply.menu or reply.header or reply.footer):
        return Reply(reply_content(reply.text), reply.text, quoted)
    buttons = [{"id": button.id, "title": button.title} for button in reply.buttons]
    margins = {"header": reply.header, "footer": reply.footer}
    menu = _menu(reply.menu) if reply.menu else None
    return Reply(reply_content(reply.text, buttons, menu=menu, margins=margins), reply.text, quoted)


def _menu(menu: effects.Menu) -> dict[str, Any]:
    sections = [
        _without_empty({"title": section.title, "rows": [_row(row) for row in section.rows]})
        for section in menu.sections
    ]
    return {"button": menu.button, "sections": sections}


def _row(row: effects.Row) -> dict[str, Any]:
    return _without_empty({"id": row.id, "title": row.title, "description": row.description})


def _media(media: effects.Media) -> dict[str, Any]:
    given = _without_empty(
        {
            "kind": media.kind,
            "link": media.link,
            "caption": media.caption,
            "filename": media.filename if media.kind == "document" else "",
            "voice": media.voice if media.kind == "audio" else False,
        }
    )
    return parse_content(given).model_dump(exclude_none=True)


def _reaction(react: effects.React, target: str | None) -> Reply:
    if target is None:
        raise ContentError(
            "There is no message to react to: a schedule started this command. Send a reply instead."
        )
    content = {"kind": "reaction", "message_id": target, "emoji": react.emoji}
    return Reply(parse_content(content).model_dump(), react.emoji, target)


def _without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}
