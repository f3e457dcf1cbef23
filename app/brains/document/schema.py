"""The brain document: what an operator writes, checked on the way in (DESIGN section 3)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property, reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from app.brains import limits
from app.brains.arguments import Argument, check_order
from app.brains.cases import Case
from app.brains.prompts import Prompt, PromptAction, PromptName
from app.brains.triggers import KINDS
from app.brains.triggers.contract import TriggerConfig, fold

if TYPE_CHECKING:
    Trigger = TriggerConfig
else:
    Trigger = Annotated[reduce(or_, (kind.Config for kind in KINDS.values())), Field(discriminator="kind")]

Template = Annotated[str, StringConstraints(min_length=1, max_length=limits.TEMPLATE_CHARS)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Button = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=limits.BUTTON_CHARS)
]
Prefix = Annotated[str, StringConstraints(pattern=r"^\S{1,10}$")]
Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=140)]
Script = Annotated[str, StringConstraints(min_length=1, max_length=limits.SCRIPT_CHARS)]
# Two labels at least, the last with a letter: no addresses, no ports, no wildcards.
Host = Annotated[
    str,
    StringConstraints(
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", max_length=253
    ),
]


class Part(BaseModel):
    """Parent of the document's parts: frozen, and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BrainSettings(Part):
    """What holds for all commands of a brain."""

    prefixes: Annotated[tuple[Prefix, ...], Field(max_length=10)] = ("!",)
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = "en"
    timezone: str = "UTC"
    max_commands_per_message: Literal[1] = 1
    # Every run gets a process of its own, whatever the installation's way is.
    strict: bool = False
    # A conversation with a person finishes on the version it began with, until nothing was said for so long; 0 = it
    # does not.
    session_minutes: Annotated[int, Field(ge=0, le=limits.SESSION_MINUTES)] = 0
    # So long nothing must come before what somebody wrote in several messages is answered, once; 0 = each by itself.
    burst_seconds: Annotated[int, Field(ge=0, le=limits.BURST_SECONDS)] = 0

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone “{value[:40]}”; write one like Africa/Accra") from error
        return value


class MemoryGrant(Part):
    """Keep values per contact, per chat and for the brain."""

    max_entries: Annotated[int, Field(ge=1, le=limits.MEMORY_ENTRIES_MOST)] = limits.MEMORY_ENTRIES


class HttpGrant(Part):
    """Ask web services: only those on the list, by their exact names."""

    allow: Annotated[tuple[Host, ...], Field(min_length=1, max_length=limits.HTTP_HOSTS)]


class AiGrant(Part):
    """Ask a language model, for so many tokens a month (null = any number); without a `provider` the first."""

    provider: PromptName | None = None
    monthly_tokens: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = 1_000_000


class MediaGrant(Part):
    """Send files from web addresses."""


class ScheduleGrant(Part):
    """Run commands later, so many waiting in one chat."""

    max_pending: Annotated[int, Field(ge=1, le=limits.SCHEDULED)] = limits.SCHEDULED


class Grants(Part):
    """What the brain's scripts may do beyond answering; null = not granted."""

    memory: MemoryGrant | None = MemoryGrant()
    http: HttpGrant | None = None
    ai: AiGrant | None = None
    media: MediaGrant | None = MediaGrant()
    schedule: ScheduleGrant | None = ScheduleGrant()

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of what is granted."""
        return frozenset(name for name in Grants.model_fields if getattr(self, name) is not None)


class Group(Part):
    """Commands under one name; `errors_to` is told when one of them fails."""

    name: Title
    errors_to: Person | None = None


class CooldownRule(Part):
    """How long a command rests after it answered, and for whom; with a message it says so."""

    per: Literal["contact", "chat", "brain"] = "contact"
    seconds: Annotated[int, Field(ge=1, le=limits.COOLDOWN_SECONDS)]
    message: Annotated[str, StringConstraints(max_length=limits.REPLY_CHARS_WITH_BUTTONS)] | None = None


class Restrict(Part):
    """Where and for whom a command runs; people are phone numbers or user ids."""

    chats: Literal["any", "direct", "group"] = "any"
    allow: Annotated[tuple[Person, ...], Field(max_length=limits.PEOPLE)] = ()
    deny: Annotated[tuple[Person, ...], Field(max_length=limits.PEOPLE)] = ()
    cooldown: CooldownRule | None = None


class ReplyAction(Part):
    """A text to send: one template, or variants of which the turn's seed picks one."""

    kind: Literal["reply"]
    template: Template | None = None
    variants: Annotated[tuple[Template, ...], Field(max_length=limits.VARIANTS)] = ()
    quote: bool = False
    buttons: Annotated[tuple[Button, ...], Field(max_length=limits.BUTTONS)] = ()

    @field_validator("buttons")
    @classmethod
    def _are_plain(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any("{{" in title or "{%" in title for title in value):
            raise ValueError("a button's title cannot hold a template; write plain text")
        if len({fold(title) for title in value}) < len(value):
            raise ValueError("two buttons have the same title; WhatsApp wants them different")
        return value

    @model_validator(mode="after")
    def _has_one_text(self) -> Self:
        if (self.template is None) == (not self.variants):
            raise ValueError("write either one template or a list of variants")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """All templates of this action."""
        return self.variants if self.template is None else (self.template,)


class ScriptAction(Part):
    """A script that decides what to do (docs: script-errors)."""

    kind: Literal["script"]
    source: Script

    @property
    def texts(self) -> tuple[str, ...]:
        """No templates."""
        return ()


Action = Annotated[ReplyAction | ScriptAction | PromptAction, Field(discriminator="kind")]
ACTIONS = ("reply", "script", "prompt")


class Command(Part):
    """Trigger, arguments, restrictions and action, under an id that never changes."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
    name: Title
    enabled: bool = True
    trigger: Trigger
    arguments: Annotated[tuple[Argument, ...], Field(max_length=limits.ARGUMENTS)] = ()
    restrict: Restrict = Restrict()
    group: Title | None = None
    # A phone number or user id that is told when this command fails; the group's when absent.
    errors_to: Person | None = None
    action: Action

    @field_validator("arguments")
    @classmethod
    def _in_order(cls, value: tuple[Argument, ...]) -> tuple[Argument, ...]:
        check_order(value)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.arguments and KINDS[self.trigger.kind].opening(self.trigger, "") is None:
            raise ValueError(
                f"a command with the trigger {self.trigger.kind} takes no arguments; remove them"
            )
        chars = sum(map(len, self.action.texts))
        if chars > limits.COMMAND_CHARS:
            raise ValueError(
                f"its texts have {chars:,} characters together; {limits.COMMAND_CHARS:,} are allowed"
            )
        return self


class Document(Part):
    """A whole brain."""

    brain: Slug
    title: Title
    settings: BrainSettings = BrainSettings()
    grants: Grants = Grants()
    groups: Annotated[tuple[Group, ...], Field(max_length=limits.GROUPS)] = ()
    commands: Annotated[tuple[Command, ...], Field(max_length=limits.COMMANDS)] = ()
    prompts: Annotated[tuple[Prompt, ...], Field(max_length=limits.PROMPTS)] = ()
    tests: Annotated[tuple[Case, ...], Field(max_length=limits.TESTS)] = ()

    @model_validator(mode="after")
    def _differ(self) -> Self:
        for what, values in (
            ("commands have the id", [command.id for command in self.commands]),
            ("commands have the name", [fold(command.name) for command in self.commands]),
            ("groups have the name", [fold(group.name) for group in self.groups]),
            ("tests have the name", [fold(test.name) for test in self.tests]),
            ("prompts have the name", [prompt.name for prompt in self.prompts]),
        ):
            twice = _first_twice(values)
            if twice is not None:
                raise ValueError(f"two {what} “{twice}”; give each its own")
        return self

    @model_validator(mode="after")
    def _groups_are_known(self) -> Self:
        known = {fold(group.name) for group in self.groups}
        for command in self.commands:
            if command.group is not None and fold(command.group) not in known:
                raise ValueError(
                    f"“{command.name}” is in the group “{command.group}”, which does not exist; "
                    "add the group or choose another"
                )
        return self

    def errors_to(self, command_id: str) -> str | None:
        """Return who is told when a command fails: its own person, else its group's, else nobody."""
        command = next((command for command in self.commands if command.id == command_id), None)
        if command is None or command.errors_to:
            return command and command.errors_to
        wanted = None if command.group is None else fold(command.group)
        return next((group.errors_to for group in self.groups if fold(group.name) == wanted), None)


def _first_twice(values: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def plain(document: Document) -> dict[str, Any]:
    """Return the document as JSON data in the model's order, without what is at its default."""
    return document.model_dump(mode="json", exclude_defaults=True)


def canonical(document: Document | Mapping[str, Any]) -> str:
    """Return the one JSON text of a valid document; raises pydantic.ValidationError for another."""
    checked = document if isinstance(document, Document) else Document.model_validate(document)
    return json.dumps(plain(checked), ensure_ascii=False, separators=(",", ":"))


def content_hash(document: Document | Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical text, in hex; raises pydantic.ValidationError."""
    return hashlib.sha256(canonical(document).encode("utf-8", "surrogatepass")).hexdigest()
