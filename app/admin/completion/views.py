"""Completion data for the code editor: symbols plus names from the open brain (commands, keys, groups)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from flask import Blueprint, jsonify, request
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.completion import descriptions
from app.admin.completion.symbols import Symbol, list_script_symbols, list_template_symbols
from app.admin.ui.permissions import require_right
from app.admin.workbench import command_form, drafts, prompt_form
from app.admin.workbench.command_view import ARGUMENT_TYPES

blueprint = Blueprint("completions", __name__, url_prefix="/brains/<slug>")

_MEMORY_CALL = re.compile(r"""memory\.(?:get|set|incr|delete|top)\(\s*["']([^"'\n]{1,100})["']""")
_MEMORY_FIELD = re.compile(r"\bmemory\.([A-Za-z_]\w{0,99})\b(?!\()")
_GROUP = re.compile(r"\(\?P<([A-Za-z_]\w*)>")
_AI_CALL = re.compile(r"""ctx\.ai\(\s*["']([^"'\n]{1,100})["']\s*,([^)]{0,1000})\)""")
_KEYWORD = re.compile(r"(\w+)\s*=(?!=)")
_VARIABLE = re.compile(r"\bvars\.([A-Za-z_]\w{0,59})")
_SCOPES: Final = ("contact", "chat", "brain")

Draft = Mapping[str, Any]


@blueprint.get("/completions.json")
@require_right(Right.READ_BRAINS)
def list_words(slug: str) -> Response:
    """Answer with all that can be written in one command (?command=) or prompt (?prompt=)."""
    found = build_completions(
        drafts.get_brain_or_404(slug).draft, request.args.get("command", ""), request.args.get("prompt", "")
    )
    response = jsonify(found)
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    return response.make_conditional(request)


def build_completions(draft: Draft, command_id: str, prompt_name: str) -> dict[str, Any]:
    """Gather the words of scripts and templates, and by what they stand in, the texts that mean something."""
    commands = draft.get("commands", [])
    at = command_form.find(commands, command_id)
    own = [*_arguments(commands[at]), *_groups(commands[at])] if at is not None else []
    keys = sorted(_memory_keys(draft))
    prompts = [each["name"] for each in prompt_form.list_prompts(draft)]
    scripts = [
        *list_script_symbols(),
        *(Symbol(f"ctx.{path}", "property", description) for path, description in own),
    ]
    templates = [
        *list_template_symbols(),
        *(Symbol(path, "property", description) for path, description in own),
        *(
            Symbol(f"memory.{key}", "property", "Remembered in this brain")
            for key in keys
            if key.isidentifier()
        ),
        *_variables(draft, prompt_name),
    ]
    return {
        "script": [_to_json(each) for each in scripts],
        "template": [_to_json(each) for each in templates],
        "texts": {
            "call": _names(commands),
            "schedule": _names(commands),
            "ai": prompts,
            "memory": keys,
            "args": [path.removeprefix("args.") for path, _ in own if path.startswith("args.")],
            "scope": list(_SCOPES),
        },
    }


def _to_json(word: Symbol) -> dict[str, str]:
    return {name: value for name, value in asdict(word).items() if value}


def _names(commands: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(each["name"]) for each in commands if each.get("name")]


def _arguments(command: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for argument in command.get("arguments", []):
        description = argument.get("description") or ARGUMENT_TYPES.get(argument.get("type", ""), "")
        if argument.get("name"):
            yield f"args.{argument['name']}", str(description)


def _groups(command: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    pattern = command.get("trigger", {}).get("pattern")
    for name in _GROUP.findall(pattern) if isinstance(pattern, str) else ():
        yield f"match.named.{name}", "Caught by the pattern"


def _memory_keys(draft: Draft) -> set[str]:
    """Find the names under which a brain's scripts and texts remember anything."""
    found: set[str] = set()
    for text in _texts(draft):
        found.update(_MEMORY_CALL.findall(text))
        found.update(_MEMORY_FIELD.findall(text))
    return found - {"get", "set", "incr", "delete", "keys", "top", "items", "values"}


def _variables(draft: Draft, prompt_name: str) -> Iterator[Symbol]:
    """Offer what scripts give to a prompt, and what it already asks for; nothing outside of prompts."""
    prompt = prompt_form.find(draft, prompt_name)
    if prompt is None:
        return
    yield Symbol("vars", "variable", descriptions.VARS)
    given = {name for text in _texts(draft) for name in _find_given_names(prompt_name, text)}
    asked = {name for text in _select_texts(prompt, ("system", "user")) for name in _VARIABLE.findall(text)}
    for name in sorted(given | asked):
        yield Symbol(
            f"vars.{name}", "property", "Given by a script" if name in given else "Used in this prompt"
        )


def _find_given_names(prompt_name: str, script: str) -> Iterator[str]:
    for name, rest in _AI_CALL.findall(script):
        if name == prompt_name:
            yield from _KEYWORD.findall(rest)


def _texts(draft: Draft) -> Iterator[str]:
    """Go through all code of a draft, whatever else is wrong with it."""
    for command in draft.get("commands", []):
        action = command.get("action")
        if isinstance(action, Mapping):
            yield from _select_texts(action, ("source", "template"))
            yield from (text for text in action.get("variants") or () if isinstance(text, str))
    for prompt in prompt_form.list_prompts(draft):
        yield from _select_texts(prompt, ("system", "user"))


def _select_texts(part: Mapping[str, Any], names: Iterable[str]) -> Iterator[str]:
    return (part[name] for name in names if isinstance(part.get(name), str))
