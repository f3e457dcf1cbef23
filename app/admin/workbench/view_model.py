"""View model of the workbench (brain, draft, problems, live version) and its fragments."""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import Flask
from werkzeug.wrappers import Response

from app.admin.ui import keywords, marks
from app.admin.ui.responses import render_fragment, show
from app.admin.workbench import command_form, command_view, drafts, problem_marks, prompt_form, test_form
from app.admin.workbench.command_list import Section, build_sections
from app.bot import command_errors
from app.bot.learning.misunderstood import MisunderstoodCounts
from app.brains.document.edits import intent_changes
from app.brains.document.schema import hash_content
from app.brains.document.understanding import train_draft
from app.brains.document.validation import InvalidDocument, ValidationProblem, split_off_invalid
from app.brains.lint import Finding, is_blocking
from app.brains.runtime.program import compile_program
from app.brains.runtime.selection.command_choice import explain
from app.brains.turn import Sender, Turn
from app.brains.versions import rollouts, store
from app.brains.versions.canary_guard import Guard
from app.brains.versions.intent_models import use_stored_model
from app.brains.versions.models import Brain, BrainVersion, Rollout
from app.services import services
from app.web import db

TEMPLATE = "workbench/page.html"

VERDICTS = {
    "won": ("good", "answers"),
    "blocked": ("warn", "matches but is held back"),
    "shadowed": ("quiet", "an earlier one answers"),
    "lost": ("quiet", "no match"),
    "off": ("quiet", "is switched off"),
}


@dataclass(frozen=True)
class Workbench:
    """What the pages and fragments of one brain's workbench draw.

    A property is read, or worked out, when a template first asks for it, and once: a fragment pays for what it draws.
    `view` names the page; `command` is the one in the open editor; `open_id` is the id of a command that is open
    on the page although the answer does not draw its editor; `picked` are the ids that are ticked in the list.
    """

    brain: Brain
    view: str
    command: Mapping[str, Any] | None = None
    open_id: str = ""
    picked: Collection[str] = ()

    @cached_property
    def commands(self) -> list[dict[str, Any]]:
        """The commands of the draft."""
        return self.brain.draft.get("commands", [])

    @cached_property
    def sections(self) -> list[Section]:
        """The commands in the order of matching, cut where the group changes."""
        return build_sections(self.brain.draft)

    @cached_property
    def group_names(self) -> list[str]:
        """The names of the draft's groups."""
        return command_view.list_group_names(self.brain.draft)

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of the commands by id."""
        return command_view.get_names_by_id(self.commands)

    @cached_property
    def findings(self) -> list[ValidationProblem]:
        """What is wrong or suspicious in the draft; asks the sandbox about its scripts and templates."""
        return drafts.review_draft(self.brain.draft, self.brain.id)

    @cached_property
    def problems(self) -> list[ValidationProblem]:
        """What keeps the draft from being published."""
        return [each for each in self.findings if is_blocking(each)]

    @cached_property
    def hints(self) -> list[ValidationProblem]:
        """What is suspicious, and keeps nothing from being published."""
        return [each for each in self.findings if not is_blocking(each)]

    @cached_property
    def faulty_ids(self) -> set[str | None]:
        """The ids of the commands in which something is wrong."""
        return {each.command_id for each in self.problems if not each.is_unfinished}

    @cached_property
    def unfinished_ids(self) -> set[str | None]:
        """The ids of the commands in which something is not filled in yet."""
        return {each.command_id for each in self.problems if each.is_unfinished}

    @property
    def prefix(self) -> str:
        """What people type before the keyword of a command."""
        prefixes = self.brain.draft.get("settings", {}).get("prefixes", ["!"])
        return str(next(iter(prefixes), ""))

    @cached_property
    def live(self) -> BrainVersion | None:
        """The version that answers messages."""
        return next((each for each in self._versions if each.id == self.brain.live_version_id), None)

    @cached_property
    def _versions(self) -> Sequence[BrainVersion]:
        return store.list_live_and_newest(db.session(), self.brain)

    @cached_property
    def rollout(self) -> Rollout | None:
        """The rollout under way."""
        return rollouts.find_active(db.session(), self.brain.id)

    @property
    def default_guard(self) -> Guard:
        """The guard that a new rollout is offered."""
        return Guard()

    @cached_property
    def is_changed(self) -> bool:
        """Whether the draft differs from the live version and from the newest one."""
        return self.same_as is None

    @cached_property
    def same_as(self) -> int | None:
        """The number of the live version, or else of the newest one, that is the same as the draft.

        The newest one is not live while it is rolled out, and after it was rolled back.
        """
        versions = sorted(self._versions, key=lambda each: each.id != self.brain.live_version_id)
        same = (
            each for each in versions if not has_unpublished_changes(self.brain.draft, each, self.problems)
        )
        return next((each.number for each in same), None)

    @cached_property
    def error_counts(self) -> Mapping[str, int]:
        """How many different errors are open in live chats, by command id."""
        return command_errors.count_by_command(db.session(), self.brain.id)

    @cached_property
    def misunderstood_count(self) -> int:
        """How many messages the brain did not understand lately, and nobody has dealt with."""
        return services().get(MisunderstoodCounts).count(db.session(), self.brain, services().clock())

    def find_prompt_name(self, path: str) -> str:
        """Return the name of the prompt that a problem's path leads into; empty for any other place."""
        return prompt_form.find_name_by_path(self.brain.draft, path)

    def find_intent_name(self, path: str) -> str:
        """Return the name of the intent that a problem's path leads into; empty for any other place."""
        return intent_changes.find_name_by_path(self.brain.draft, path)

    def list_findings_under(
        self, prefixes: str | tuple[str, ...]
    ) -> tuple[list[ValidationProblem], list[ValidationProblem]]:
        """Return the problems and the hints whose path begins with one of `prefixes`."""
        problems, hints = (
            [each for each in listed if each.path.startswith(prefixes)]
            for listed in (self.problems, self.hints)
        )
        return problems, hints


def init_app(app: Flask) -> None:
    """Give templates the words and places of problems and commands."""
    app.jinja_env.globals.update(
        describe_location=command_view.describe_location,
        get_field_id=command_view.get_field_id,
        describe_trigger=command_view.describe_trigger,
        summarize_trigger=command_view.summarize_trigger,
        KEYWORD_FIELDS=command_form.KEYWORD_FIELDS,
        join_keywords=keywords.join_keywords,
        get_input_id=problem_marks.get_input_id,
        get_test_input_id=test_form.get_input_id,
        build_mark=problem_marks.build_mark,
        parse_code_lines=marks.parse_code_lines,
    )


def render_workbench(
    workbench: Workbench, part: str | None = None, *, status: int = 200, **context: Any
) -> Response:
    """Answer with the workbench's page, or its block `part` when htmx asks; `context` is what only this page draws."""
    return show(TEMPLATE, part, status=status, workbench=workbench, brain=workbench.brain, **context)


def render_parts(workbench: Workbench, parts: Iterable[tuple[str, str]], **context: Any) -> str:
    """Render blocks, each given as (template, block), one after the other."""
    context = {"workbench": workbench, "brain": workbench.brain, **context}
    return "".join(render_fragment(template, block, **context) for template, block in parts)


def find_command(brain: Brain, command_id: str) -> command_form.Command | None:
    """Return a command of the draft as it is stored."""
    commands = brain.draft.get("commands", [])
    at = command_form.find(commands, command_id)
    return None if at is None else commands[at]


def has_unpublished_changes(
    draft: Mapping[str, Any], version: BrainVersion, found: list[ValidationProblem]
) -> bool:
    """Tell whether a draft differs from a version."""
    wrong = any(not isinstance(each, Finding) for each in found)
    return wrong or hash_content(draft) != version.hash


def generate_id() -> str:
    """Return an id for a new command."""
    return f"c{secrets.token_hex(4)}"


def explain_text(brain: Brain, text: str) -> dict[str, Any]:
    """Say what each command of the draft would do on a text written by somebody in a direct chat."""
    now = services().clock()
    turn = Turn(0, "text", text, Sender("someone", "Someone"), chat_id=0, at=now, now=now, seed=0)
    use_stored_model(db.session(), brain)
    try:
        program = compile_program(0, brain.id, split_off_invalid(brain.draft)[0], train_draft)
    except InvalidDocument as error:
        return {"brain": brain, "problem": f"{error} The draft can be tried when that is done.", "lines": []}
    lines = [(line, *VERDICTS[line.verdict]) for line in explain(program, turn)]
    fired = [line for line in lines if line[0].verdict not in {"lost", "off"}]
    return {"brain": brain, "problem": "", "lines": fired, "text": text, "asked": len(lines)}
