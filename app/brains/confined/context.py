"""`ctx`: methods and attributes a script can use; decisions are recorded as effects."""

from __future__ import annotations

import datetime as dt

from .. import limits  # noqa: TID252  the package has another name in the child
from . import messages
from .capability_view import build_members
from .due import compute_due
from .facades import Random
from .guards import ATTRIBUTES, MEMBERED, name_methods, split_words
from .imports import Imports
from .language import CallError, LimitReachedError
from .memory_view import Memory
from .names import guard_print
from .plain import compute_size, to_plain, to_short_text
from .shapes import Record, TitledObject, build_record
from .zones import LOCAL

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

# What the permissions of the methods below allow; calls of capabilities bring their own words.
GRANT_WORDS = {
    "memory": "remember",
    "media": "send files",
    "schedule": "schedule commands",
}
# Further arguments of ctx.reply, which are given by name.
_REPLY_OPTIONS = {"header": None, "footer": None, "link_preview": False}


class UnknownCommandError(ValueError):
    """There is no command of this name; `known` are those there are."""

    def __init__(self, wanted: str, known: list[str]) -> None:
        super().__init__(f"there is no command “{wanted}”")
        self.wanted = wanted
        self.known = known


class Context(TitledObject):
    """One run's `ctx`."""

    __slots__ = (
        "_call",
        "_calls",
        "_data",
        "_grants",
        "_members",
        "_memory",
        "effects",
        "imports",
        "returned",
    )
    title = "ctx"

    def __init__(self, data: Mapping[str, Any], call: Callable[[str, Any], Any]) -> None:
        self._data = data
        self._call = call
        LOCAL.begin(data["clock"][2], data["clock"][1])
        self._grants = data.get("grants", ())
        self._memory: Memory | None = None
        self._members: dict[str, Any] | None = None
        self._calls = 0
        self.effects: list[Any] = []
        self.imports = Imports(data)
        self.returned: Any = None

    def _add(self, effect: list[Any]) -> None:
        if len(self.effects) >= limits.EFFECTS:
            raise LimitReachedError(f"A run has {limits.EFFECTS} effects at most.")
        self.effects.append(effect)

    def _need(self, grant: str, purpose: str = "") -> None:
        if grant not in self._grants:
            raise CallError(f"This brain has no permission to {purpose or GRANT_WORDS[grant]}.")

    def _ask(self, grant: str, purpose: str, method: str, arguments: dict[str, Any]) -> Any:
        self._need(grant, purpose)
        return self._call(method, arguments)

    @property
    def members(self) -> dict[str, Any]:
        """Calls of the capabilities by name, as the host declares them."""
        if self._members is None:
            self._members = build_members(self._data.get("calls", {}), self._ask)
        return self._members

    def list_reads(self) -> list[list[str]]:
        """Return the variables that were read, as pairs of scope and key."""
        return [list(pair) for pair in self._memory.reads] if self._memory else []

    @property
    def message(self) -> Record:
        """The message that came in."""
        given = dict(self._data["message"])
        for name in ("quoted", "media"):
            if given.get(name) is not None:
                given[name] = Record(f"ctx.message.{name}", given[name])
        given["data"] = build_record("ctx.message.data", given.get("data") or {})
        return Record("ctx.message", given)

    @property
    def args(self) -> Record:
        """The command's arguments by name."""
        return Record("ctx.args", self._data["args"])

    @property
    def sender(self) -> Record:
        """Who wrote."""
        return Record("ctx.sender", self._data["sender"])

    @property
    def chat(self) -> Record:
        """The chat in which it was written."""
        return Record("ctx.chat", self._data["chat"])

    @property
    def match(self) -> Record:
        """Result of the trigger."""
        given = dict(self._data["match"])
        for name in ("entities", "candidates"):
            given[name] = build_record(f"ctx.match.{name}", given.get(name) or {})
        return Record("ctx.match", given)

    @property
    def command(self) -> Record:
        """The command that runs."""
        return Record("ctx.command", self._data["command"])

    @property
    def now(self) -> dt.datetime:
        """The run's moment in the brain's zone."""
        return self.imports.get_clock().now()

    @property
    def random(self) -> Random:
        """Random numbers, the same when the run is done again."""
        return self.imports.get_random()

    @property
    def memory(self) -> Memory:
        """What is remembered; raises CallError without the grant."""
        if self._memory is None:
            self._need("memory")
            self._memory = Memory(self._data.get("memory", {}), self._add, self._call)
        return self._memory

    def reply(
        self,
        text: Any,
        buttons: Any = None,
        list: Any = None,  # noqa: A002  the operators' word
        quote: Any = False,
        **more: Any,
    ) -> None:
        """Send a text, with buttons or a list; raises TypeError, ValueError, LimitReachedError."""
        if buttons is None and list is None and not more and not quote:
            self._add(["reply", {"text": to_short_text(text, "The reply", limits.REPLY_CHARS)}])
            return
        parts = {"buttons": buttons, "list": list, "quote": quote, **_REPLY_OPTIONS}
        for name in more:
            if name not in _REPLY_OPTIONS:
                raise TypeError(f"ctx.reply() got an unexpected keyword argument '{name}'")
        self._add(["reply", messages.build_reply(text, {**parts, **more})])

    def _media(self, kind: str, link: Any, **more: Any) -> None:
        self._need("media")
        self._add(["media", messages.build_media(kind, link, more)])

    def send_image(self, link: Any, caption: Any = "") -> None:
        """Send a picture from an https link."""
        self._media("image", link, caption=caption)

    def send_video(self, link: Any, caption: Any = "") -> None:
        """Send a film from an https link."""
        self._media("video", link, caption=caption)

    def send_audio(self, link: Any, voice: Any = False) -> None:
        """Send a sound from an https link, or a voice note."""
        self._media("audio", link, voice=voice)

    def send_document(self, link: Any, filename: Any = "", caption: Any = "") -> None:
        """Send a document from an https link."""
        self._media("document", link, filename=filename, caption=caption)

    def react(self, emoji: Any) -> None:
        """Put an emoji on the message; an empty one takes it away."""
        self._add(["react", {"emoji": to_short_text(emoji, "The emoji", limits.EMOJI_CHARS, 0)}])

    def schedule(
        self, command: Any, after: Any = None, at: Any = None, name: Any = None, **args: Any
    ) -> None:
        """Run a command later; raises TypeError, ValueError, LimitReachedError, CallError."""
        self._need("schedule")
        given = to_plain(args, "The arguments")
        if compute_size(given) > limits.SCHEDULE_BYTES:
            raise LimitReachedError(
                f"The arguments of a scheduled command have {limits.SCHEDULE_BYTES:,} bytes at most."
            )
        plan = {"command": self._command(command), "due": compute_due(after, at, self.now), "args": given}
        if name is not None:
            plan["name"] = to_short_text(name, "The name", limits.MEMORY_KEY_CHARS)
        self._add(["schedule", plan])

    def _command(self, command: Any) -> str:
        wanted = to_short_text(command, "The command's name", limits.MEMORY_KEY_CHARS)
        known = self._data.get("commands", [])
        if wanted.casefold() not in {name.casefold() for name in known}:
            raise UnknownCommandError(wanted, known)
        return wanted

    def cancel(self, name: Any) -> None:
        """Take back a scheduled command by its name."""
        self._need("schedule")
        self._add(["cancel", to_short_text(name, "The name", limits.MEMORY_KEY_CHARS)])

    def handoff(self, reason: Any = "") -> None:
        """Let a person take over this chat."""
        self._add(["handoff", {"reason": to_short_text(reason, "The reason", limits.REASON_CHARS, 0)}])

    def call(self, command: Any, **args: Any) -> Any:
        """Run another command now and return its result; raises CallError, ValueError."""
        memory = self._memory = self._memory or Memory(self._data.get("memory", {}), self._add, self._call)
        arguments = {
            "command": self._command(command),
            "args": to_plain(args, "The arguments"),
            "memory": memory.changed,
        }
        number = self._calls
        self._calls += 1
        answer = self._call("command", arguments)
        self._add(["called", number])
        memory.apply_writes(answer["writes"])
        return answer["result"]

    def result(self, value: Any) -> None:
        """Give a value to the command that called this one."""
        self.returned = to_plain(value, "The result")

    log = staticmethod(guard_print)


ATTRIBUTES[Context] = split_words(
    "message args sender chat match command now random memory reply send_image send_video send_audio "
    "send_document react schedule cancel handoff call result log"
)
MEMBERED.add(Context)
for _kind in (Context, Memory, Random):
    name_methods(_kind)
