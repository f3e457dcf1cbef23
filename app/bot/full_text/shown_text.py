"""Texts of inbound messages beside what was typed: titles of buttons, places, cards, orders, forms, file names."""

from collections.abc import Mapping
from typing import Any

from app.channels.content.message_data import read_message_data
from app.channels.content.received_text import list_words


def find_shown_text(payload: Mapping[str, Any]) -> str:
    """Return the words a structured message holds beside its text; empty where it holds none."""
    return list_words(read_message_data(payload))
