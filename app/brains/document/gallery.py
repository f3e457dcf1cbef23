"""Demo brain of the first run, and the sample brains of the gallery (samples/*.yaml)."""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Final

from app.brains.document import yaml_format
from app.immutable import immutable
from app.unicode import fold

_FOLDER: Final = Path(__file__).resolve().parent / "samples"
_SHOWS: Final = "Shows: "
_CATEGORY: Final = "Category: "

_MENU = """\
Here is what I understand:
• !hello – I greet you
• !echo something – I say it back
• !count – I remember how often you asked
• !ask something – I ask an AI
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
        "id": "ask",
        "name": "Ask the AI",
        "trigger": {"kind": "command", "words": ["ask"]},
        "arguments": [{"name": "question", "type": "rest", "description": "What you want to know"}],
        "action": {
            "kind": "prompt",
            "prompt": "assistant",
            "otherwise": "I would ask an AI, but none answers yet: an owner adds one under Settings.",
        },
    },
    {
        "id": "fallback",
        "name": "Default reply",
        "trigger": {"kind": "fallback"},
        "restrict": {"chats": "direct"},
        "action": {"kind": "reply", "template": "I did not understand that. Send !menu for help."},
    },
]


_PROMPTS: Final[list[dict[str, Any]]] = [
    {
        "name": "assistant",
        "system": "You are a friendly assistant on WhatsApp. Answer in at most three short sentences.",
        "user": "{{ args.question|default(message.text) }}",
        "memory": {"turns": 3},
    }
]


def build_demo_document() -> dict[str, Any]:
    """Build the demo brain of the first-run wizard."""
    return {
        "brain": "demo",
        "title": "Demo",
        "settings": {"prefixes": ["!", "/"], "language": "en", "timezone": "UTC"},
        "grants": {"ai": {"monthly_tokens": 100_000}},
        "commands": deepcopy(_COMMANDS),
        "prompts": deepcopy(_PROMPTS),
    }


@immutable
class Sample:
    """Sample brain: category, summary, demonstrated features, and its commented YAML."""

    slug: str
    title: str
    category: str
    summary: str
    shows: tuple[str, ...]
    text: str

    @property
    def document(self) -> dict[str, Any]:
        """Return a copy of the brain's document."""
        return yaml_format.load_yaml(self.text)


@cache
def load_samples() -> tuple[Sample, ...]:
    """Return all samples, by title."""
    found = (_parse_sample(path.read_text(encoding="utf-8")) for path in _FOLDER.glob("*.yaml"))
    return tuple(sorted(found, key=lambda sample: sample.title))


def search_samples(search: str) -> list[Sample]:
    """Return the samples whose title, category, summary or features contain all words of a search."""
    words = fold(search).split()
    return [sample for sample in load_samples() if all(word in _build_search_text(sample) for word in words)]


def list_categories() -> list[str]:
    """Return the categories of the samples by name."""
    return sorted({each.category for each in load_samples()})


def _build_search_text(sample: Sample) -> str:
    return fold(" ".join((sample.slug, sample.title, sample.category, sample.summary, *sample.shows)))


def _parse_sample(text: str) -> Sample:
    """Parse a sample; the comment at its top holds summary and features."""
    head = [line.removeprefix("#").strip() for line in text.partition("\nbrain:")[0].splitlines()]
    shows = next(line.removeprefix(_SHOWS) for line in head if line.startswith(_SHOWS))
    category = next(line.removeprefix(_CATEGORY) for line in head if line.startswith(_CATEGORY))
    summary = " ".join(line for line in head if line and not line.startswith((_SHOWS, _CATEGORY)))
    document: Mapping[str, Any] = yaml_format.load_yaml(text)
    named = tuple(each.strip() for each in shows.split(","))
    # The title stands on the card already.
    description = summary.partition(": ")[2] or summary
    described = description[:1].upper() + description[1:]
    return Sample(document["brain"], document["title"], category, described, named, text)
