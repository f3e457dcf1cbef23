"""Schema of a brain document: settings and their defaults, commands, actions, restrictions (DESIGN section 3)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    create_model,
    field_validator,
    model_validator,
)

from app.brains import limits
from app.brains.capabilities import KINDS
from app.brains.capabilities.grant import GrantSet
from app.brains.document.arguments import Argument, check_order
from app.brains.document.intents import DidYouMean, Example, Intent, Language, check_intents
from app.brains.document.prompts import Prompt, PromptAction
from app.brains.document.test_cases import BrainTest
from app.brains.text import fold
from app.brains.triggers import KINDS as TRIGGERS
from app.brains.triggers.contract import TriggerConfig
from app.clock import is_timezone

if TYPE_CHECKING:
    Trigger = TriggerConfig
else:
    Trigger = Annotated[reduce(or_, (kind.Config for kind in TRIGGERS.values())), Field(discriminator="kind")]

Template = Annotated[str, StringConstraints(min_length=1, max_length=limits.TEMPLATE_CHARS)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Button = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=limits.BUTTON_CHARS)
]
Prefix = Annotated[str, StringConstraints(pattern=r"^\S{1,10}$")]
Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=140)]
Script = Annotated[str, StringConstraints(min_length=1, max_length=limits.SCRIPT_CHARS)]


class Part(BaseModel):
    """Parent of the document's parts: frozen, and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BrainSettings(Part):
    """Settings of a brain that apply to all its commands."""

    prefixes: Annotated[tuple[Prefix, ...], Field(max_length=10)] = ("!",)
    language: Language = "en"
    timezone: str = "UTC"
    max_commands_per_message: Literal[1] = 1
    # What reads messages besides their words when intents are trained; one that is not installed is left out.
    encoder: Literal["use-multilingual", "none"] = "use-multilingual"
    # A message that no command was sure of is answered with the likeliest ones to choose from; null = it is not.
    did_you_mean: DidYouMean | None = None
    # A draft whose intents score less (% of examples), or so many points less than the live version, is not published
    # without a reason; 0 = it is.
    min_accuracy: Annotated[int, Field(ge=0, le=100)] = 0
    max_accuracy_drop: Annotated[int, Field(ge=0, le=100)] = 0
    # Every run gets a process of its own, whatever the installation's way is.
    strict: bool = False
    # A conversation with a person finishes on the version it began with, until nothing was said for so long; 0 = it
    # does not.
    session_minutes: Annotated[int, Field(ge=0, le=limits.SESSION_MINUTES)] = 0
    # So long nothing must come before what somebody wrote in several messages is answered, once; 0 = each by itself.
    burst_seconds: Annotated[int, Field(ge=0, le=limits.BURST_SECONDS)] = 0

    def has_prefix(self, text: str) -> bool:
        """Whether a text begins as a command does, so that it is never joined with others of a burst."""
        return text.lstrip().startswith(self.prefixes)

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, value: str) -> str:
        if not value:
            raise ValueError("write a time zone, such as Africa/Accra")
        if not is_timezone(value):
            raise ValueError(f"there is no time zone “{value[:40]}”; write one like Africa/Accra")
        return value


if TYPE_CHECKING:
    Grants = GrantSet
else:
    # What the brain's scripts may do beyond answering, a field for each capability; null = not granted.
    Grants = create_model(
        "Grants",
        __base__=GrantSet,
        __module__=__name__,
        **{
            name: (kind.Grant | None, kind.Grant() if kind.is_initial else None)
            for name, kind in KINDS.items()
        },
    )


class Group(Part):
    """Group of commands; `errors_to` receives an alert when one of them fails."""

    name: Title
    errors_to: Person | None = None


class CooldownRule(Part):
    """Cooldown of a command after it answered: for whom, how many seconds, and an optional reply meanwhile."""

    per: Literal["contact", "chat", "brain"] = "contact"
    seconds: Annotated[int, Field(ge=1, le=limits.COOLDOWN_SECONDS)]
    message: Annotated[str, StringConstraints(max_length=limits.REPLY_CHARS_WITH_BUTTONS)] | None = None


class Restrictions(Part):
    """Where and for whom a command runs; contacts are phone numbers or user ids."""

    chats: Literal["any", "direct", "group"] = "any"
    allow: Annotated[tuple[Person, ...], Field(max_length=limits.PEOPLE)] = ()
    deny: Annotated[tuple[Person, ...], Field(max_length=limits.PEOPLE)] = ()
    cooldown: CooldownRule | None = None


class ReplyAction(Part):
    """Action that sends a text: one template, or variants of which the turn's seed picks one."""

    kind: Literal["reply"]
    template: Template | None = None
    variants: Annotated[tuple[Template, ...], Field(max_length=limits.VARIANTS)] = ()
    quote: bool = False
    # Whether WhatsApp shows a card of the text's first link; a text without one is sent as it is.
    link_preview: bool = False
    buttons: Annotated[tuple[Button, ...], Field(max_length=limits.BUTTONS)] = ()

    @field_validator("buttons")
    @classmethod
    def _check_buttons(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any("{{" in title or "{%" in title for title in value):
            raise ValueError("a button's title cannot hold a template; write plain text")
        if len({fold(title) for title in value}) < len(value):
            raise ValueError("two buttons have the same title; WhatsApp wants them different")
        return value

    @model_validator(mode="after")
    def _check_texts(self) -> Self:
        if (self.template is None) == (not self.variants):
            raise ValueError("write either one template or a list of variants")
        if self.link_preview and self.buttons:
            raise ValueError("WhatsApp shows no link preview above buttons; remove one of both")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """All templates of this action."""
        return self.variants if self.template is None else (self.template,)


class ScriptAction(Part):
    """Action that runs a script (docs: script-errors)."""

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
    # What comes after the last argument: left out without a word, or answered with the usage.
    surplus: Literal["ignore", "refuse"] = "ignore"
    restrict: Restrictions = Restrictions()
    group: Title | None = None
    # A phone number or user id that is told when this command fails; the group's when absent.
    errors_to: Person | None = None
    action: Action

    @field_validator("arguments")
    @classmethod
    def _check_arguments(cls, value: tuple[Argument, ...]) -> tuple[Argument, ...]:
        check_order(value)
        return value

    @model_validator(mode="after")
    def _check_trigger_and_size(self) -> Self:
        if self.arguments and not TRIGGERS[self.trigger.kind].traits.takes_arguments:
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
    """Brain document: settings, permissions, groups, commands, prompts, intents and tests."""

    brain: Slug
    title: Title
    settings: BrainSettings = BrainSettings()
    grants: Grants = Grants()
    groups: Annotated[tuple[Group, ...], Field(max_length=limits.GROUPS)] = ()
    commands: Annotated[tuple[Command, ...], Field(max_length=limits.COMMANDS)] = ()
    prompts: Annotated[tuple[Prompt, ...], Field(max_length=limits.PROMPTS)] = ()
    intents: Annotated[tuple[Intent, ...], Field(max_length=limits.INTENTS)] = ()
    # Messages that mean none of the intents: they are trained as such.
    not_intents: Annotated[tuple[Example, ...], Field(max_length=limits.NOT_INTENTS)] = ()
    tests: Annotated[tuple[BrainTest, ...], Field(max_length=limits.TESTS)] = ()

    @field_validator("intents")
    @classmethod
    def _check_intents(cls, value: tuple[Intent, ...]) -> tuple[Intent, ...]:
        check_intents(value)
        return value

    @model_validator(mode="after")
    def _check_unique_names(self) -> Self:
        for what, values in (
            ("commands have the id", [command.id for command in self.commands]),
            ("commands have the name", [fold(command.name) for command in self.commands]),
            ("groups have the name", [fold(group.name) for group in self.groups]),
            ("tests have the name", [fold(test.name) for test in self.tests]),
            ("prompts have the name", [prompt.name for prompt in self.prompts]),
            ("intents have the name", [intent.name for intent in self.intents]),
        ):
            twice = _find_duplicate(values)
            if twice is not None:
                raise ValueError(f"two {what} “{twice}”; give each its own")
        return self

    @model_validator(mode="after")
    def _check_groups(self) -> Self:
        known = {fold(group.name) for group in self.groups}
        for command in self.commands:
            if command.group is not None and fold(command.group) not in known:
                raise ValueError(
                    f"“{command.name}” is in the group “{command.group}”, which does not exist; "
                    "add the group or choose another"
                )
        return self

    def find_error_recipient(self, command_id: str) -> str | None:
        """Return the recipient of a command's alerts: its own, else its group's, else none."""
        command = next((command for command in self.commands if command.id == command_id), None)
        if command is None or command.errors_to:
            return command and command.errors_to
        wanted = None if command.group is None else fold(command.group)
        return next((group.errors_to for group in self.groups if fold(group.name) == wanted), None)


def _find_duplicate(values: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def to_json_data(document: Document) -> dict[str, Any]:
    """Return the document as JSON data in the model's order, without default values."""
    return document.model_dump(mode="json", exclude_defaults=True)


def format_canonical(document: Document | Mapping[str, Any]) -> str:
    """Return the canonical JSON of a valid document; raises pydantic.ValidationError for any other."""
    checked = document if isinstance(document, Document) else Document.model_validate(document)
    return json.dumps(to_json_data(checked), ensure_ascii=False, separators=(",", ":"))


def hash_content(document: Document | Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical text, in hex; raises pydantic.ValidationError."""
    return hashlib.sha256(format_canonical(document).encode("utf-8", "surrogatepass")).hexdigest()
