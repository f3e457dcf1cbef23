"""Brains to begin with."""

from copy import deepcopy
from typing import Any, Final

_MENU = """\
Here is what I understand:
• !hello – I greet you
• !echo something – I say it back
• !count – I remember how often you asked
• !menu – this list

Or press a button:"""

_COUNT = """\
count = ctx.memory.incr("counted")
if count == 1:
    ctx.reply("This is the first time you ask me to count.")
else:
    ctx.reply(f"That makes {count} times.")
    if count % 10 == 0:
        ctx.react("🎉")
"""

_COMMANDS: Final[list[dict[str, Any]]] = [
    {
        "id": "hello",
        "name": "Hello",
        "trigger": {"kind": "command", "words": ["hello", "hey"]},
        "action": {
            "kind": "reply",
            "variants": [
                "Hello {{ sender.name or 'there' }}! 👋 Send !menu to see what I can do.",
                "Good to see you, {{ sender.name or 'stranger' }}! Try !menu.",
            ],
        },
    },
    {
        "id": "echo",
        "name": "Echo",
        "trigger": {"kind": "command", "words": ["echo", "say"]},
        "arguments": [{"name": "text", "type": "rest", "description": "What to say back"}],
        "action": {"kind": "reply", "template": "You said {{ args.text }}"},
    },
    {
        "id": "menu",
        "name": "Menu",
        "trigger": {"kind": "command", "words": ["menu", "help", "start"]},
        "action": {
            "kind": "reply",
            "template": _MENU,
            "buttons": ["Surprise me", "What time is it?"],
        },
    },
    {
        "id": "dice",
        "name": "Surprise",
        "trigger": {"kind": "button", "ids": ["Surprise me"]},
        "action": {
            "kind": "reply",
            "variants": [
                "🎲 You rolled a six. Lucky you!",
                "🦉 Owls have three eyelids on each eye.",
                "🍯 Honey found in old tombs was still good to eat.",
            ],
            "buttons": ["Surprise me"],
        },
    },
    {
        "id": "time",
        "name": "Time",
        "trigger": {"kind": "button", "ids": ["What time is it?"]},
        "action": {
            "kind": "reply",
            "template": "It is {{ now.time }} on {{ now.weekday }}, {{ now.date }}.",
        },
    },
    {
        "id": "count",
        "name": "Count",
        "trigger": {"kind": "command", "words": ["count"]},
        "action": {"kind": "script", "source": _COUNT},
    },
    {
        "id": "hi",
        "name": "Hi",
        "trigger": {"kind": "exact", "texts": ["hi", "hello", "good morning"]},
        "action": {"kind": "reply", "template": "Hi! Send !menu to see what I can do."},
    },
    {
        "id": "thanks",
        "name": "Thanks",
        "trigger": {"kind": "contains", "texts": ["thanks", "thank you"], "whole_word": True},
        "restrict": {"cooldown": {"per": "contact", "seconds": 60}},
        "action": {
            "kind": "reply",
            "template": "You are welcome, {{ sender.name or 'friend' }}.",
            "quote": True,
        },
    },
    {
        "id": "fallback",
        "name": "Anything else",
        "trigger": {"kind": "fallback"},
        "restrict": {"chats": "direct"},
        "action": {"kind": "reply", "template": "I did not understand that. Send !menu for help."},
    },
]


def demo_document() -> dict[str, Any]:
    """Return a small brain that shows what can be done; the first-run wizard makes it."""
    return {
        "brain": "demo",
        "title": "Demo",
        "settings": {"prefixes": ["!", "/"], "language": "en", "timezone": "UTC"},
        "commands": deepcopy(_COMMANDS),
    }
