"""What a script can use, as one table: the editor shows it, and a test holds it against the script's own world."""

from typing import Final, NamedTuple


class Entry(NamedTuple):
    """One thing of `ctx`: its path (`memory.get`), what to insert, and what it does."""

    path: str
    example: str
    words: str


class Section(NamedTuple):
    """Entries that belong together."""

    title: str
    entries: tuple[Entry, ...]


# Put into a script that is begun empty: it works as it stands.
STARTER: Final = """\
# What came in is in ctx.message, what was asked for in ctx.args. Ctrl+Enter tries this out.
name = ctx.sender.name or "there"
visit = ctx.memory.incr("visits")
if visit == 1:
    ctx.reply(f"Hello {name}, nice to meet you!")
else:
    ctx.reply(f"Welcome back, {name}. This is visit number {visit}.")
"""

REFERENCE: Final = (
    Section(
        "What came in",
        (
            Entry("message", "ctx.message.text", "The message: .text .kind .id .timestamp .quoted .media"),
            Entry("args", "ctx.args.name", "The command's arguments by their names; .get(name, default) too"),
            Entry("sender", "ctx.sender.name", "Who wrote: .id .name .phone"),
            Entry("chat", "ctx.chat.is_group", "Where: .id .is_group"),
            Entry("match", "ctx.match.groups", "What the trigger found: .text .groups .named"),
            Entry("command", "ctx.command.name", "The command that is running"),
            Entry("now", 'ctx.now.strftime("%H:%M")', "The date and time in the brain's time zone"),
        ),
    ),
    Section(
        "Answering",
        (
            Entry("reply", 'ctx.reply("Hello")', "Sends a text; quote=True quotes the message"),
            Entry("reply", 'ctx.reply("Really?", buttons=["Yes", "No"])', "The same with up to 3 buttons"),
            Entry(
                "reply",
                'ctx.reply("Choose one", list={"button": "Menu", "rows": ["Soup", "Bread"]})',
                "The same with a list of up to 10 rows",
            ),
            Entry(
                "send_image", 'ctx.send_image("https://example.com/a.jpg", caption="Look")', "Sends an image"
            ),
            Entry("send_video", 'ctx.send_video("https://example.com/a.mp4")', "Sends a video"),
            Entry(
                "send_audio",
                'ctx.send_audio("https://example.com/a.ogg", voice=True)',
                "Sends audio or a voice note",
            ),
            Entry(
                "send_document",
                'ctx.send_document("https://example.com/a.pdf", filename="offer.pdf")',
                "Sends a file",
            ),
            Entry("react", 'ctx.react("👍")', "Reacts to the message"),
        ),
    ),
    Section(
        "Remembering",
        (
            Entry("memory.get", 'ctx.memory.get("points", 0)', 'Reads; scope="contact", "chat" or "brain"'),
            Entry("memory.set", 'ctx.memory.set("city", "Accra", ttl=86400)', "Remembers; ttl in seconds"),
            Entry("memory.incr", 'ctx.memory.incr("points")', "Adds 1 (or by=5) and gives the new number"),
            Entry("memory.delete", 'ctx.memory.delete("city")', "Forgets"),
            Entry("memory.keys", "ctx.memory.keys()", "Names all that is remembered"),
            Entry(
                "memory.top",
                'ctx.memory.top("points", 10)',
                "The highest numbers, with .id .name .value of each",
            ),
        ),
    ),
    Section(
        "Later, and by others",
        (
            Entry("schedule", 'ctx.schedule("Reminder", after=3600, name="tea")', "Runs a command later"),
            Entry("cancel", 'ctx.cancel("tea")', "Takes a scheduled run back by its name"),
            Entry("handoff", 'ctx.handoff("Wants to talk to a person")', "Pauses the bot in this chat"),
            Entry("call", 'ctx.call("Price", item="tea")', "Runs another command and gives its result"),
            Entry("result", "ctx.result(42)", "Gives a value to the command that called"),
        ),
    ),
    Section(
        "The outside, chance and looking inside",
        (
            Entry(
                "http.get", 'ctx.http.get("https://api.example.com/price").json()', "Asks an allowed address"
            ),
            Entry(
                "http.post", 'ctx.http.post("https://api.example.com/orders", json={"n": 1})', "Sends to one"
            ),
            Entry("ai", 'ctx.ai("Say this politely: {text}", text=ctx.message.text)', "Asks the AI"),
            Entry(
                "random", "ctx.random.choice([1, 2, 3])", "Chance: choice, randint, random, shuffle, sample"
            ),
            Entry("log", 'ctx.log("points:", 3)', "Prints for you; nobody else sees it"),
        ),
    ),
)
