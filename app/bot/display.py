"""Display names of contacts, texts and typed content of messages, the same on every page."""

from app.bot.models import Contact, Message
from app.bot.states import SCHEDULE_KIND, Author, Direction
from app.channels.content import render_preview
from app.channels.content.message_data import read_message_data
from app.channels.content.received import Content, File
from app.channels.content.received_text import summarize
from app.unicode import clean_name

# What their content says is more than their text.
_SUMMARIZED_KINDS = frozenset(
    {"button", "list", "flow", "location", "contacts", "order", "call_permission", "unsupported"}
)


def format_contact_name(contact: Contact | None, chat_title: str = "") -> str:
    """Return what to call the person of a chat: name, +phone, @username or title; without a person, the group."""
    title = clean_name(chat_title)
    if contact is None:
        return title or "Group"
    if name := clean_name(contact.name):
        return name
    if contact.phone:
        return f"+{contact.phone}"
    username = clean_name(contact.username)
    return f"@{username}" if username else title or "Unknown person"


def format_message_text(message: Message) -> str:
    """Return the words of a message as its writer saw them: a pressed button's title, not its id."""
    if message.kind == SCHEDULE_KIND:
        return f"“{message.payload.get('command') or 'A command'}” ran by schedule"
    if message.kind == "reaction" and message.direction == Direction.OUT:
        return render_preview(message.payload)
    if message.kind in _SUMMARIZED_KINDS and is_from_channel(message):
        return summarize(read_message_data(message.payload)) or message.text
    if message.kind == "document" and not message.text and is_from_channel(message):
        return summarize(read_message_data(message.payload))
    return message.text


def is_from_channel(message: Message) -> bool:
    """Tell whether the payload is the channel's own object: what came in, and what our own phone sent."""
    return message.direction == Direction.IN or message.author == Author.PHONE


def read_content(message: Message) -> Content | None:
    """Return the typed content of what came in or was written in our phone app; null for what we sent."""
    return read_message_data(message.payload) if is_from_channel(message) else None


def get_display_kind(message: Message) -> str:
    """Return the kind to name a message by: a sound is a voice message only if it was recorded as one."""
    if message.kind not in {"audio", "voice"}:
        return message.kind
    content = read_content(message)
    is_voice = content.voice if isinstance(content, File) else message.payload.get("voice") is True
    return "voice" if is_voice else "audio"
