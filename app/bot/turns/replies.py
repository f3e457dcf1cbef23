"""Effects of a run to outbound messages."""

from typing import Any, Final

from app.bot.states import SCHEDULE_KIND
from app.brains.effects import model
from app.channels.content import ContentError, build_reply_content, build_text_content, parse_content

MessageEffect = model.Reply | model.Media | model.React
MESSAGE_EFFECTS: Final = (model.Reply, model.Media, model.React)


def build_content(effect: MessageEffect, replied_id: str | None) -> dict[str, Any]:
    """Return what is sent, as a dump of app.channels.content.Content; raises ContentError beyond WhatsApp's limits.

    `replied_id` is the provider's id of the message answered (`find_replied_id`).
    """
    if isinstance(effect, model.Reply):
        return _build_reply(effect)
    if isinstance(effect, model.React):
        return _build_reaction(effect, replied_id)
    return _build_media(effect)


def get_text(effect: MessageEffect) -> str:
    """Return what lists and searches show of a message."""
    if isinstance(effect, model.Reply):
        return effect.text
    if isinstance(effect, model.React):
        return effect.emoji
    return effect.caption or effect.filename


def find_replied_id(kind: str, provider_id: str) -> str | None:
    """Return the provider's id of the message that is answered; None for a schedule, which nobody wrote."""
    return None if kind == SCHEDULE_KIND else provider_id


def find_quoted_id(effect: MessageEffect, replied_id: str | None) -> str | None:
    """Return the provider's id of the message that this one names; None when it names none."""
    is_quoting = isinstance(effect, model.React) or (isinstance(effect, model.Reply) and effect.quote)
    return replied_id if is_quoting else None


def _build_reply(reply: model.Reply) -> dict[str, Any]:
    if not (reply.buttons or reply.menu or reply.header or reply.footer):
        return build_text_content(reply.text, link_preview=reply.link_preview)
    buttons = [{"id": button.id, "title": button.title} for button in reply.buttons]
    margins = {"header": reply.header, "footer": reply.footer}
    menu = _build_menu(reply.menu) if reply.menu else None
    return build_reply_content(reply.text, buttons, menu=menu, margins=margins)


def _build_menu(menu: model.Menu) -> dict[str, Any]:
    sections = [
        _without_empty({"title": section.title, "rows": [_build_row(row) for row in section.rows]})
        for section in menu.sections
    ]
    return {"button": menu.button, "sections": sections}


def _build_row(row: model.Row) -> dict[str, Any]:
    return _without_empty({"id": row.id, "title": row.title, "description": row.description})


def _build_media(media: model.Media) -> dict[str, Any]:
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


def _build_reaction(react: model.React, replied_id: str | None) -> dict[str, Any]:
    if replied_id is None:
        raise ContentError(
            "There is no message to react to: a schedule started this command. Send a reply instead."
        )
    content = {"kind": "reaction", "message_id": replied_id, "emoji": react.emoji}
    return parse_content(content).model_dump()


def _without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}
