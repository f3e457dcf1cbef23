"""What a turn may decide, as data; the pipeline carries it out after the commit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """A text to the chat, with up to three buttons, optionally quoting the message it answers."""

    text: str
    buttons: tuple[str, ...] = ()
    quote: bool = False


@dataclass(frozen=True, slots=True)
class Cool:
    """A command rests for `scope` (contact:<id>, chat:<id> or brain) until a moment (ms)."""

    command_id: str
    scope: str
    until: int


Effect = Reply | Cool
