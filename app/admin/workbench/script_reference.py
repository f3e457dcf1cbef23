"""Reference of `ctx` in the script editor: every method with example and description; starter script."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from app.brains.capabilities import KINDS
from app.brains.capabilities.script_call import ReferenceEntry


class ReferenceSection(NamedTuple):
    """Entries that belong together."""

    title: str
    entries: tuple[ReferenceEntry, ...]


# Put into a script that is begun empty: it works as it stands.
STARTER_SCRIPT: Final = """\
# What came in is in ctx.message, what was asked for in ctx.args. Ctrl+Enter tries this out.
name = ctx.sender.name or "there"
visit = ctx.memory.incr("visits")
if visit == 1:
    ctx.reply(f"Hello {name}, nice to meet you!")
else:
    ctx.reply(f"Welcome back, {name}. This is visit number {visit}.")
"""

# What needs no permission; the entries of each capability are put in below.
_SECTIONS: Final = (
    ReferenceSection(
        "What came in",
        (
            ReferenceEntry(
                "message", "ctx.message.text", "The message: .text .kind .id .timestamp .quoted .media .data"
            ),
            ReferenceEntry(
                "message",
                "ctx.message.data.latitude",
                "What its kind has besides: a place, contact cards, an order, a form's .response",
            ),
            ReferenceEntry(
                "args", "ctx.args.name", "The command's arguments by their names; .get(name, default) too"
            ),
            ReferenceEntry("sender", "ctx.sender.name", "Who wrote: .id .name .phone"),
            ReferenceEntry("chat", "ctx.chat.is_group", "Where: .id .is_group"),
            ReferenceEntry(
                "match", "ctx.match.groups", "What the trigger found: .text .groups .intent .entities"
            ),
            ReferenceEntry("command", "ctx.command.name", "The command that is running"),
            ReferenceEntry("now", 'ctx.now.strftime("%H:%M")', "The date and time in the brain's time zone"),
        ),
    ),
    ReferenceSection(
        "Answering",
        (
            ReferenceEntry("reply", 'ctx.reply("Hello")', "Sends a text; quote=True quotes the message"),
            ReferenceEntry(
                "reply",
                'ctx.reply("See https://example.com", link_preview=True)',
                "The same with a card of the first link",
            ),
            ReferenceEntry(
                "reply", 'ctx.reply("Really?", buttons=["Yes", "No"])', "The same with up to 3 buttons"
            ),
            ReferenceEntry(
                "reply",
                'ctx.reply("Choose one", list={"button": "Menu", "rows": ["Soup", "Bread"]})',
                "The same with a list of up to 10 rows",
            ),
            ReferenceEntry("react", 'ctx.react("👍")', "Reacts to the message"),
        ),
    ),
    ReferenceSection("Remembering", ()),
    ReferenceSection(
        "Later, and by others",
        (
            ReferenceEntry(
                "handoff", 'ctx.handoff("Wants to talk to a person")', "Pauses the bot in this chat"
            ),
            ReferenceEntry(
                "call", 'ctx.call("Price", item="tea")', "Runs another command and gives its result"
            ),
            ReferenceEntry("result", "ctx.result(42)", "Gives a value to the command that called"),
        ),
    ),
    ReferenceSection(
        "The outside, chance and looking inside",
        (
            ReferenceEntry(
                "random", "ctx.random.choice([1, 2, 3])", "Chance: choice, randint, random, shuffle, sample"
            ),
            ReferenceEntry("log", 'ctx.log("points:", 3)', "Prints for you; nobody else sees it"),
        ),
    ),
)
# Entries of capabilities stand before those of these members of the same section.
_LAST_MEMBERS: Final = frozenset({"react", "handoff", "call", "result", "random", "log"})


def build_reference() -> tuple[ReferenceSection, ...]:
    """Return all sections: what needs no permission, and what each capability brings."""
    titles = [section.title for section in _SECTIONS]
    own = [ReferenceSection(kind.section, ()) for kind in KINDS.values() if kind.section not in titles]
    return tuple(
        ReferenceSection(section.title, tuple(_list_entries(section))) for section in (*_SECTIONS, *own)
    )


def _list_entries(section: ReferenceSection) -> Iterator[ReferenceEntry]:
    last = [entry for entry in section.entries if entry.path in _LAST_MEMBERS]
    yield from (entry for entry in section.entries if entry not in last)
    for kind in KINDS.values():
        if kind.section == section.title:
            yield from kind.reference
    yield from last


REFERENCE: Final = build_reference()
