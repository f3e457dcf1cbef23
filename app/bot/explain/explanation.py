"""Explanations: what can be the cause of an answer or of silence, and all that is known of a message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.bot.models import Chat, Connection, Message, Run
from app.brains.models import Brain, BrainVersion


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why: `cause` is one of CAUSES, `sentence` says it, `advice` is the one thing that helps.

    `version` is the one that was asked, `course` why it was another than the live one (app.brains.rollout.Course).
    `place` says where that is done: command | versions | chat | connection | simulator, empty for nowhere.
    """

    cause: str
    sentence: str
    advice: str = ""
    place: str = ""
    command_id: str | None = None
    brain_id: int | None = None
    version: int | None = None
    course: str = ""

    @property
    def title(self) -> str:
        """Return the cause in two or three words."""
        return CAUSES[self.cause]


CAUSES: Final = {
    "answered": "Answered",
    "waiting": "Not handled yet",
    "disabled": "Command switched off",
    "restriction": "Restriction",
    "cooldown": "Cooldown",
    "limit": "Over a limit",
    "lost": "Lost to another trigger",
    "paused": "Chat paused",
    "merged": "Part of a longer text",
    "loop": "Two bots in a row",
    "window": "Window closed",
    "old": "Too old",
    "duplicate": "Delivered twice",
    "error": "Error",
    "no_match": "Nothing fits",
    "nothing_to_say": "Nothing to say",
    "no_brain": "No brain",
    "off": "Connection switched off",
    "archived": "Brain put away",
    "unpublished": "Nothing published",
    "not_sent": "Not delivered",
    "no_trigger": "Never answered",
}


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of a message; `sends` are its answers, `stale_after` and `now` are in ms."""

    message: Message
    chat: Chat
    connection: Connection
    brain: Brain | None
    run: Run | None
    version: BrainVersion | None
    sends: Sequence[Message]
    stale_after: int
    now: int

    @property
    def trace(self) -> Mapping[str, Any]:
        """Return the trace of its run."""
        return self.run.trace if self.run else {}

    @property
    def journal(self) -> Mapping[str, Any]:
        """Return the journal of its run; empty when no brain was asked."""
        return (self.run and self.run.journal) or {}

    @property
    def command_id(self) -> str | None:
        """Return the command that took it, if one did."""
        return self.run.command_id if self.run else None

    @property
    def reason(self) -> str:
        """Return the reason its run gives in words."""
        return str(self.trace.get("reason") or "")

    @property
    def number(self) -> int | None:
        """Return the number of the version that was asked."""
        return self.version.number if self.version else None

    def on_command(
        self, cause: str, sentence: str, advice: str = "", *, of: str | None = None
    ) -> Explanation:
        """Return an explanation whose place is a command: `of`, or the one that took the message."""
        brain_id = self.brain.id if self.brain else None
        return Explanation(cause, sentence, advice, "command", of or self.command_id, brain_id, self.number)

    def name(self, command_id: str | None) -> str:
        """Return what the command was called in the version that was asked."""
        commands = self.version.document.get("commands", []) if self.version else []
        return next((str(each.get("name")) for each in commands if each.get("id") == command_id), "A command")
