"""What a turn may decide, as data; the pipeline carries it out with the commit."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a reply: `id` comes back when it is pressed, `title` is shown."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """One choice of a list; `id` comes back when it is chosen."""

    id: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Choices of a list; titled when there are several sections."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Menu:
    """A list to choose from, behind a button with the text `button`."""

    button: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """A text to the chat, with buttons or a list, optionally quoting the message it answers."""

    text: str
    buttons: tuple[Button, ...] = ()
    quote: bool = False
    menu: Menu | None = None
    header: str = ""
    footer: str = ""


@dataclass(frozen=True, slots=True)
class Media:
    """A file to the chat, fetched by WhatsApp from an https link; `kind` is image, audio, video or document."""

    kind: str
    link: str
    caption: str = ""
    filename: str = ""
    voice: bool = False


@dataclass(frozen=True, slots=True)
class React:
    """An emoji on the message; an empty one takes the reaction back."""

    emoji: str


@dataclass(frozen=True, slots=True)
class Remember:
    """A value to keep in `scope` (contact, chat or brain), for `ttl` seconds or for good."""

    scope: str
    key: str
    value: Any
    ttl: int | None = None


@dataclass(frozen=True, slots=True)
class Increment:
    """A number to raise by `by`; `ttl` seconds count from when the counter began."""

    scope: str
    key: str
    by: int | float
    ttl: int | None = None


@dataclass(frozen=True, slots=True)
class Forget:
    """A value to remember no longer."""

    scope: str
    key: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """A command to run at `due` (ms since 1970); a later one of the same name takes its place."""

    command_id: str
    due: int
    arguments: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The scheduled command of this name is not to run."""

    name: str


@dataclass(frozen=True, slots=True)
class Handoff:
    """A person is to take over this chat."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Cool:
    """A command rests for `scope` (contact:<id>, chat:<id> or brain) until a moment (ms)."""

    command_id: str
    scope: str
    until: int


MemoryEffect = Remember | Increment | Forget
Effect = Reply | Media | React | MemoryEffect | Schedule | Cancel | Handoff | Cool


def named_buttons(titles: Sequence[str]) -> tuple[Button, ...]:
    """Make buttons that come back as their titles."""
    return tuple(Button(title, title) for title in titles)


def as_data(effect: Any) -> list[Any]:
    """Write an effect as JSON data: its name, then its fields in order; parts of it stay objects."""
    return [type(effect).__name__, *(getattr(effect, name) for name in effect.__slots__)]


# Made once: building an encoder costs more than using it.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=as_data).encode


def canonical_json(value: Any) -> str:
    """Write JSON data and effects as one text: the same in every process, whatever its hash seed."""
    return _encode(value)


def restored(data: Sequence[Any]) -> Effect:
    """Make an effect of what `as_data` wrote."""
    name, *fields = data
    if name == "Reply":
        text, buttons, quote, menu, *rest = fields
        return Reply(text, tuple(Button(*each[1:]) for each in buttons), quote, _menu(menu), *rest)
    return _PLAIN[name](*fields)


def _menu(data: Sequence[Any] | None) -> Menu | None:
    if data is None:
        return None
    _, button, sections = data
    return Menu(button, tuple(Section(each[1], tuple(Row(*row[1:]) for row in each[2])) for each in sections))


# Effects whose fields are plain JSON data.
_PLAIN: Mapping[str, Callable[..., Effect]] = {
    kind.__name__: kind
    for kind in (Media, React, Remember, Increment, Forget, Schedule, Cancel, Handoff, Cool)
}


def listed(effects: Sequence[Effect]) -> list[Any]:
    """Write effects as plain JSON data, for a trace."""
    return json.loads(canonical_json(effects))
