"""View model of the command editor: form values, problems, recent errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final

from app.admin.workbench import command_form, command_view, drafts, prompt_form, script_reference
from app.admin.workbench.view_model import Workbench, find_command
from app.bot import command_errors
from app.bot.models.run import CommandError
from app.brains.document.validation import ValidationProblem
from app.brains.versions.models import Brain
from app.web import db

_MAX_SHOWN_ERRORS: Final = 3


@dataclass(frozen=True)
class TypedAnswers:
    """All kinds of answer as they stand in the form, so that a look at another kind loses nothing."""

    reply: Mapping[str, Any]
    source: str
    prompt_answer: Mapping[str, str | bool]


@dataclass(frozen=True)
class CommandEditor:
    """What the editor of one command draws; properties are worked out when a template first asks for them.

    `saved`: idle | new | conflict | refused; `problem` says why it was not saved; `is_new` = the draft does not have
    it yet; `opened_as` is the fingerprint that the form was opened with (None: that of the stored command);
    `typed` are the answers as typed, where they differ from the command's.
    """

    workbench: Workbench
    command: Mapping[str, Any]
    saved: str = "idle"
    problem: str = ""
    is_new: bool = False
    opened_as: str | None = None
    typed: TypedAnswers | None = None

    action_kinds: ClassVar = command_view.ACTION_KINDS
    argument_types: ClassVar = command_view.ARGUMENT_TYPES
    limits: ClassVar = command_view.LIMITS
    reference: ClassVar = script_reference.REFERENCE

    @cached_property
    def base(self) -> str:
        """The fingerprint that a save is checked against."""
        if self.opened_as is not None:
            return self.opened_as
        return drafts.compute_fingerprint(find_command(self.workbench.brain, self.command["id"]))

    @cached_property
    def own_problems(self) -> list[ValidationProblem]:
        """What is wrong in this command and keeps it from being published."""
        return [each for each in self._own if not each.is_unfinished]

    @cached_property
    def unfinished(self) -> list[ValidationProblem]:
        """What is still to be filled in."""
        return [each for each in self._own if each.is_unfinished]

    @property
    def _own(self) -> list[ValidationProblem]:
        return [each for each in self.workbench.problems if each.command_id == self.command["id"]]

    @cached_property
    def own_hints(self) -> list[ValidationProblem]:
        """What is suspicious in this command."""
        return [each for each in self.workbench.hints if each.command_id == self.command["id"]]

    @cached_property
    def recent_errors(self) -> Sequence[CommandError]:
        """The errors of this command in live chats, the latest first."""
        found = command_errors.list_errors(db.session(), self.workbench.brain.id)
        return [each for each in found if each.command_id == self.command["id"]][:_MAX_SHOWN_ERRORS]

    @property
    def action_kind(self) -> str:
        """The kind of answer: reply | script | prompt."""
        return self.command.get("action", {}).get("kind", "reply")

    @cached_property
    def reply(self) -> Mapping[str, Any]:
        """The texts, buttons and quote of a text answer."""
        return self.typed.reply if self.typed else command_form.get_reply(self.command)

    @property
    def source(self) -> str:
        """The script."""
        return self.typed.source if self.typed else command_form.get_source(self.command)

    @cached_property
    def prompt_answer(self) -> Mapping[str, str | bool]:
        """The prompt that answers, and what is said when it cannot."""
        return self.typed.prompt_answer if self.typed else command_form.get_prompt_answer(self.command)

    @cached_property
    def prompt_names(self) -> list[str]:
        """The names of the draft's prompts."""
        return [each["name"] for each in prompt_form.list_prompts(self.workbench.brain.draft)]

    @cached_property
    def example(self) -> str:
        """A message that would make the command fire."""
        return command_view.build_example(self.command, self.workbench.brain.draft)

    @property
    def arguments(self) -> Sequence[Mapping[str, Any]]:
        """The arguments of the command."""
        return self.command.get("arguments", [])

    @property
    def takes_arguments(self) -> bool:
        """Whether a command with this trigger can have arguments."""
        return command_view.can_take_arguments(self.command["trigger"])

    @cached_property
    def trigger_kinds(self) -> list[tuple[str, str]]:
        """The kinds of triggers to choose from, with their titles."""
        chosen = str(self.command["trigger"].get("kind"))
        return command_view.list_trigger_kinds(self.workbench.brain.draft, chosen)

    @cached_property
    def trigger_fields(self) -> list[command_view.TriggerField]:
        """The fields of the trigger with their values."""
        return command_view.list_trigger_fields(self.command["trigger"])

    @property
    def trigger_help(self) -> str:
        """What the fields of the trigger mean."""
        return command_view.get_trigger_help(self.command["trigger"])


def build_editor(brain: Brain, command: Mapping[str, Any], **fields: Any) -> CommandEditor:
    """Return the editor of a command on a workbench of its own; `fields` are further fields of `CommandEditor`."""
    return CommandEditor(Workbench(brain, "command", command=command), command, **fields)
