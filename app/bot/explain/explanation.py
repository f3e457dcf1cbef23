"""Types of explanations, titles of their causes, and the facts of a message they are drawn from."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.bot.models import Chat, Connection, Message, Run
from app.brains.runtime.trace import EMPTY_TRACE, Trace
from app.brains.versions.models import Brain, BrainVersion
from app.immutable import immutable


@immutable
class Explanation:
    """Why: `cause` is a key of CAUSE_TITLES, `sentence` says it, `advice` is the one thing that helps.

    `version` is the one that was asked, `choice_reason` why it was another than the live one
    (app.brains.versions.routing.VersionChoice).
    `action_target` says where that is done: command | versions | chat | message | connection | simulator, empty for
    nowhere. `message_id` is the message it was answered with.
    """

    cause: str
    sentence: str
    advice: str = ""
    action_target: str = ""
    command_id: str | None = None
    brain_id: int | None = None
    message_id: int | None = None
    version: int | None = None
    choice_reason: str = ""

    @property
    def title(self) -> str:
        """Return the cause in two or three words."""
        return CAUSE_TITLES[self.cause]


CAUSE_TITLES: Final = {
    "answered": "Answered",
    "waiting": "Not handled yet",
    "disabled": "Command switched off",
    "restriction": "Restriction",
    "cooldown": "Cooldown",
    "asked_back": "Asked back",
    "too_late": "Pressed too late",
    "refused": "None of these",
    "limit": "Over a limit",
    "lost": "Another trigger matched first",
    "paused": "Chat paused",
    "merged": "Part of a longer text",
    "loop": "Two bots in a row",
    "window": "Window closed",
    "old": "Too old",
    "duplicate": "Delivered twice",
    "error": "Error",
    "no_match": "No match",
    "nothing_to_say": "No reply",
    "no_brain": "No brain",
    "off": "Connection switched off",
    "archived": "Brain archived",
    "unpublished": "Nothing published",
    "not_sent": "Not delivered",
    "no_trigger": "Never answered",
}


@immutable
class MessageContext:
    """All that is known of a message; `sends` are its answers, `trace` its run's; `stale_after` and `now` in ms."""

    message: Message
    chat: Chat
    connection: Connection
    brain: Brain | None
    run: Run | None
    version: BrainVersion | None
    sends: Sequence[Message]
    stale_after: int
    now: int
    trace: Trace = EMPTY_TRACE

    @property
    def journal(self) -> Mapping[str, Any]:
        """Return the journal of its run; empty when no brain was asked."""
        return (self.run and self.run.journal) or {}

    @property
    def command_id(self) -> str | None:
        """Return the command that took it, if one did."""
        return self.run.command_id if self.run else None

    @property
    def version_number(self) -> int | None:
        """Return the number of the version that was asked."""
        return self.version.number if self.version else None

    def build_command_explanation(
        self, cause: str, sentence: str, advice: str = "", *, of: str | None = None
    ) -> Explanation:
        """Return an explanation whose place is a command: `of`, or the one that took the message."""
        brain_id = self.brain.id if self.brain else None
        return Explanation(
            cause, sentence, advice, "command", of or self.command_id, brain_id, self.version_number
        )

    def get_command_name(self, command_id: str | None) -> str:
        """Return what the command was called in the version that was asked."""
        commands = self.version.document.get("commands", []) if self.version else []
        return next((str(each.get("name")) for each in commands if each.get("id") == command_id), "A command")
