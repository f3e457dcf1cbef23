"""Effects of a run as data: reply, media, reaction, variable, schedule, handoff, cooldown."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, ClassVar

from app.brains.text import to_canonical_json
from app.immutable import immutable


@immutable
class Button:
    """Reply button: `id` comes back when it is pressed, `title` is shown."""

    id: str
    title: str


@immutable
class Row:
    """List row; `id` comes back when it is chosen."""

    id: str
    title: str
    description: str = ""


@immutable
class Section:
    """Section of a list; it has a title when there are several."""

    title: str
    rows: tuple[Row, ...]


@immutable
class Menu:
    """List to choose from, opened by a button with the text `button`."""

    button: str
    sections: tuple[Section, ...]


@immutable
class Reply:
    """Text reply with optional buttons or list, optionally quoting the message it answers."""

    text: str
    buttons: tuple[Button, ...] = ()
    quote: bool = False
    menu: Menu | None = None
    header: str = ""
    footer: str = ""
    link_preview: bool = False
    # Runs that were recorded before it was a field keep their digest.
    optional_fields: ClassVar[int] = 1


@immutable
class Media:
    """File fetched by WhatsApp from an https link; `kind` is image, audio, video or document."""

    kind: str
    link: str
    caption: str = ""
    filename: str = ""
    voice: bool = False


@immutable
class React:
    """Reaction to the message; an empty emoji removes it."""

    emoji: str


@immutable
class Remember:
    """Set a variable in `scope` (contact, chat or brain), for `ttl` seconds or without expiry."""

    scope: str
    key: str
    value: Any
    ttl: int | None = None


@immutable
class Increment:
    """Add `by` to a numeric variable; `ttl` seconds count from its creation."""

    scope: str
    key: str
    by: int | float
    ttl: int | None = None


@immutable
class Forget:
    """Delete a variable."""

    scope: str
    key: str


@immutable
class Schedule:
    """Run a command at `due` (ms since 1970); replaces a waiting one of the same name."""

    command_id: str
    due: int
    arguments: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


@immutable
class Cancel:
    """Cancel the scheduled command of this name."""

    name: str


@immutable
class Handoff:
    """Pause the bot in this chat until a person resumes it."""

    reason: str = ""


@immutable
class Cool:
    """Cooldown of a command for `scope` (contact:<id>, chat:<id> or brain) until a time (ms)."""

    command_id: str
    scope: str
    until: int


MemoryEffect = Remember | Increment | Forget
Effect = Reply | Media | React | MemoryEffect | Schedule | Cancel | Handoff | Cool


def build_buttons(titles: Sequence[str]) -> tuple[Button, ...]:
    """Build buttons whose ids are their titles."""
    return tuple(Button(title, title) for title in titles)


def load_effect(data: Sequence[Any]) -> Effect:
    """Load an effect from the data that `dump_effects` wrote."""
    name, *fields = data
    if name == "Reply":
        text, buttons, quote, menu, *rest = fields
        return Reply(text, tuple(Button(*each[1:]) for each in buttons), quote, _load_menu(menu), *rest)
    return _FLAT_EFFECT_CLASSES[name](*fields)


def _load_menu(data: Sequence[Any] | None) -> Menu | None:
    if data is None:
        return None
    _, button, sections = data
    return Menu(button, tuple(Section(each[1], tuple(Row(*row[1:]) for row in each[2])) for each in sections))


# Effects whose fields are plain JSON data.
_FLAT_EFFECT_CLASSES: Mapping[str, Callable[..., Effect]] = {
    kind.__name__: kind
    for kind in (Media, React, Remember, Increment, Forget, Schedule, Cancel, Handoff, Cool)
}


def dump_effects(effects: Sequence[Effect]) -> list[Any]:
    """Dump effects as JSON data, for a trace."""
    return json.loads(to_canonical_json(effects))
