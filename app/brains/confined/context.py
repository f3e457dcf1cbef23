"""`ctx`: all that a script can see, answer and ask for. What it decides is noted as data; nothing is done here."""

from __future__ import annotations

import datetime as dt

from .. import limits  # noqa: TID252  the package has another name in the child
from . import messages
from .facades import Random, load_json
from .guards import ATTRIBUTES, name_methods, words
from .imports import Imports
from .language import CallError, LimitReachedError
from .memory_view import Memory
from .names import guarded_print
from .plain import named, number_of, plain, short_text, size_of, text_of
from .shapes import Record, Shown

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_GRANTS = {
    "memory": "remember",
    "http": "reach the web",
    "ai": "ask the AI",
    "media": "send files",
    "schedule": "schedule commands",
}


class UnknownCommandError(ValueError):
    """There is no command of this name; `known` are those there are."""

    def __init__(self, wanted: str, known: list[str]) -> None:
        super().__init__(f"there is no command “{wanted}”")
        self.wanted = wanted
        self.known = known


class Response:
    """What a web server answered: `.status`, `.text`, `.headers` and `.json()`."""

    __slots__ = ("headers", "status", "text")
    title = "response"

    def __init__(self, status: int, text: str, headers: dict[str, str]) -> None:
        self.status = status
        self.text = text
        self.headers = headers

    def json(self) -> Any:
        """Return the text read as JSON; raises ValueError."""
        return load_json(self.text)

    def __repr__(self) -> str:
        return f"<response {self.status}>"


class Http(Shown):
    """Asks web servers that the brain is allowed to ask."""

    __slots__ = ("_ask",)
    title = "ctx.http"

    def __init__(self, ask: Callable[[str, str, dict[str, Any]], Any]) -> None:
        self._ask = ask

    def get(self, url: Any, params: Any = None, headers: Any = None) -> Response:
        """Fetch an address; raises CallError."""
        return self._send("http.get", {"url": url, "params": params, "headers": headers})

    def post(self, url: Any, json: Any = None, data: Any = None, headers: Any = None) -> Response:
        """Send to an address; raises CallError."""
        return self._send("http.post", {"url": url, "json": json, "data": data, "headers": headers})

    def _send(self, method: str, parts: dict[str, Any]) -> Response:
        given = {name: plain(value, name) for name, value in parts.items() if value is not None}
        given["url"] = short_text(given.get("url"), "The address", limits.LINK_CHARS)
        answer = self._ask("http", method, given)
        return Response(answer["status"], answer["text"], answer["headers"])


class Context(Shown):
    """One run's `ctx`."""

    __slots__ = ("_call", "_calls", "_data", "_grants", "_memory", "effects", "imports", "returned")
    title = "ctx"

    def __init__(self, data: Mapping[str, Any], call: Callable[[str, Any], Any]) -> None:
        self._data = data
        self._call = call
        self._grants = data.get("grants", ())
        self._memory: Memory | None = None
        self._calls = 0
        self.effects: list[Any] = []
        self.imports = Imports(data)
        self.returned: Any = None

    def _add(self, effect: list[Any]) -> None:
        if len(self.effects) >= limits.EFFECTS:
            raise LimitReachedError(f"A run has {limits.EFFECTS} effects at most.")
        self.effects.append(effect)

    def _need(self, grant: str) -> None:
        if grant not in self._grants:
            raise CallError(f"This brain has no permission to {_GRANTS[grant]}.")

    def _ask(self, grant: str, method: str, arguments: dict[str, Any]) -> Any:
        self._need(grant)
        return self._call(method, arguments)

    def reads(self) -> list[list[str]]:
        """Return what was read of the memory, as pairs of scope and key."""
        return [list(pair) for pair in self._memory.reads] if self._memory else []

    @property
    def message(self) -> Record:
        """The message that came in."""
        given = dict(self._data["message"])
        for name in ("quoted", "media"):
            if given.get(name) is not None:
                given[name] = Record(f"ctx.message.{name}", given[name])
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
        """Where it was written."""
        return Record("ctx.chat", self._data["chat"])

    @property
    def match(self) -> Record:
        """What the trigger found."""
        return Record("ctx.match", self._data["match"])

    @property
    def command(self) -> Record:
        """The command that runs."""
        return Record("ctx.command", self._data["command"])

    @property
    def now(self) -> dt.datetime:
        """The run's moment in the brain's zone."""
        return self.imports.clock().now()

    @property
    def random(self) -> Random:
        """Random numbers, the same when the run is done again."""
        return self.imports.random()

    @property
    def http(self) -> Http:
        """Web servers."""
        return Http(self._ask)

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
        **margins: Any,
    ) -> None:
        """Send a text, with buttons or a list; raises TypeError, ValueError, LimitReachedError."""
        if buttons is None and list is None and not margins and not quote:
            self._add(["reply", {"text": short_text(text, "The reply", limits.REPLY_CHARS)}])
            return
        parts = {"buttons": buttons, "list": list, "quote": quote, "header": None, "footer": None}
        for name in margins:
            if name not in parts:
                raise TypeError(f"ctx.reply() got an unexpected keyword argument '{name}'")
        self._add(["reply", messages.reply(text, {**parts, **margins})])

    def _media(self, kind: str, link: Any, **more: Any) -> None:
        self._need("media")
        self._add(["media", messages.media(kind, link, more)])

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
        self._add(["react", {"emoji": short_text(emoji, "The emoji", limits.EMOJI_CHARS, 0)}])

    def schedule(
        self, command: Any, after: Any = None, at: Any = None, name: Any = None, **args: Any
    ) -> None:
        """Run a command later; raises TypeError, ValueError, LimitReachedError, CallError."""
        self._need("schedule")
        given = plain(args, "The arguments")
        if size_of(given) > limits.SCHEDULE_BYTES:
            raise LimitReachedError(
                f"The arguments of a scheduled command have {limits.SCHEDULE_BYTES:,} bytes at most."
            )
        plan = {"command": self._command(command), "due": self._due(after, at), "args": given}
        if name is not None:
            plan["name"] = short_text(name, "The name", limits.MEMORY_KEY_CHARS)
        self._add(["schedule", plan])

    def _command(self, command: Any) -> str:
        wanted = short_text(command, "The command's name", limits.MEMORY_KEY_CHARS)
        known = self._data.get("commands", [])
        if wanted.casefold() not in {name.casefold() for name in known}:
            raise UnknownCommandError(wanted, known)
        return wanted

    def _due(self, after: Any, at: Any) -> float:
        if (after is None) == (at is None):
            raise ValueError("it is not clear when; give either after=seconds or at=a moment")
        now = self._data["clock"][0]
        if after is not None:
            seconds = after.total_seconds() if type(after) is dt.timedelta else number_of(after, "“after”")
        elif type(at) is dt.datetime:
            moment = at if at.tzinfo else at.replace(tzinfo=self.now.tzinfo)
            seconds = moment.timestamp() - now
        else:
            raise TypeError(f"“at” is {named(at)}; give a moment, such as ctx.now")
        if seconds < 0:
            raise ValueError("this moment is in the past; give one that is still to come")
        if seconds > limits.SCHEDULE_SECONDS:
            raise LimitReachedError("A command can be scheduled at most a year ahead.")
        return float(now + seconds)

    def cancel(self, name: Any) -> None:
        """Take back a scheduled command by its name."""
        self._need("schedule")
        self._add(["cancel", short_text(name, "The name", limits.MEMORY_KEY_CHARS)])

    def handoff(self, reason: Any = "") -> None:
        """Let a person take over this chat."""
        self._add(["handoff", {"reason": short_text(reason, "The reason", limits.REASON_CHARS, 0)}])

    def call(self, command: Any, **args: Any) -> Any:
        """Run another command now and return its result; raises CallError, ValueError."""
        memory = self._memory = self._memory or Memory(self._data.get("memory", {}), self._add, self._call)
        asked = {
            "command": self._command(command),
            "args": plain(args, "The arguments"),
            "memory": memory.changed,
        }
        number = self._calls
        self._calls += 1
        answer = self._call("command", asked)
        self._add(["called", number])
        memory.take_over(answer["writes"])
        return answer["result"]

    def result(self, value: Any) -> None:
        """Give a value to the command that called this one."""
        self.returned = plain(value, "The result")

    def ai(self, prompt: Any, **variables: Any) -> str:
        """Ask the AI; raises CallError."""
        asked = {"prompt": text_of(prompt, "The prompt"), "variables": plain(variables, "The variables")}
        return self._ask("ai", "ai", asked)

    log = staticmethod(guarded_print)


ATTRIBUTES[Context] = words(
    "message args sender chat match command now random http memory reply send_image send_video send_audio "
    "send_document react schedule cancel handoff call result ai log"
)
ATTRIBUTES[Http] = words("get post")
ATTRIBUTES[Response] = words("status text headers json")
for _kind in (Context, Http, Memory, Random, Response):
    name_methods(_kind)
