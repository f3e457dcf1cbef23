"""Prompt form to document data, and edits of a draft's prompts (pure functions)."""

import re
from collections.abc import Mapping
from typing import Any

from app.admin.ui.form_text import normalise_newlines, parse_number
from app.admin.workbench.command_form import Form
from app.brains import limits
from app.text import parse_index

Prompt = dict[str, Any]
Draft = dict[str, Any]

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_-]{0,59}")
LIMITS = {
    "prompts": limits.PROMPTS,
    "template": limits.TEMPLATE_CHARS,
    "tokens": limits.PROMPT_TOKENS,
    "turns": limits.PROMPT_TURNS,
}
STARTER: Prompt = {
    "system": "You are a friendly assistant on WhatsApp. Answer in a few short sentences.",
    "user": "{{ message.text }}",
    "memory": {"turns": 5},
}


def list_prompts(draft: Mapping[str, Any]) -> list[Prompt]:
    """Return the prompts of a draft that have a name, whatever else is wrong with them."""
    listed = draft.get("prompts")
    rows = listed if isinstance(listed, list) else []
    return [each for each in rows if isinstance(each, dict) and isinstance(each.get("name"), str)]


def find(draft: Mapping[str, Any], name: str) -> Prompt | None:
    """Return a prompt by its name; None when there is none."""
    return next((each for each in list_prompts(draft) if each["name"] == name), None)


def find_name_by_path(draft: Mapping[str, Any], path: str) -> str:
    """Return the name of the prompt a path such as `prompts.3.user` is in; empty for any other place."""
    section, _, place = path.partition(".")
    listed = draft.get("prompts")
    index = parse_index(place.split(".")[0])
    if section != "prompts" or not isinstance(listed, list) or index is None or index >= len(listed):
        return ""
    row = listed[index]
    return str(row.get("name") or "") if isinstance(row, dict) else ""


def list_using_commands(draft: Mapping[str, Any], name: str) -> list[str]:
    """Name the commands whose answer a prompt is."""
    return [
        str(each.get("name") or "Unnamed") for each in draft.get("commands", []) if _uses_prompt(each, name)
    ]


def _uses_prompt(command: Mapping[str, Any], name: str) -> bool:
    action = command.get("action")
    return isinstance(action, Mapping) and action.get("kind") == "prompt" and action.get("prompt") == name


def read(form: Form, name: str) -> Prompt:
    """Read the prompt form; what cannot be a number stays as it was typed: validation names it."""
    prompt: Prompt = {"name": name}
    if form.get("system", "").strip():
        prompt["system"] = normalise_newlines(form["system"])
    prompt["user"] = normalise_newlines(form.get("user", ""))
    if form.get("model", "").strip():
        prompt["model"] = form["model"].strip()
    for field in ("temperature", "max_tokens"):
        if form.get(field, "").strip():
            prompt[field] = parse_number(form[field])
    if form.get("turns", "").strip() not in {"", "0"}:
        prompt["memory"] = {"turns": parse_number(form["turns"])}
    return prompt


def add(draft: Draft, name: str) -> Draft:
    """Return the draft with a new prompt at the end."""
    return {**draft, "prompts": [*list_prompts(draft), {"name": name, **STARTER}]}


def replace(draft: Draft, prompt: Prompt) -> Draft:
    """Return the draft with the prompt of this name replaced."""
    return {
        **draft,
        "prompts": [prompt if each["name"] == prompt["name"] else each for each in list_prompts(draft)],
    }


def remove(draft: Draft, name: str) -> Draft:
    """Return the draft without a prompt."""
    return {**draft, "prompts": [each for each in list_prompts(draft) if each["name"] != name]}


def rename(draft: Draft, was: str, name: str) -> Draft:
    """Return the draft with a prompt under another name, also in the commands whose answer it is."""
    prompts = [{**each, "name": name} if each["name"] == was else each for each in list_prompts(draft)]
    commands = [
        {**each, "action": {**each["action"], "prompt": name}} if _uses_prompt(each, was) else each
        for each in draft.get("commands", [])
    ]
    return {**draft, "prompts": prompts, "commands": commands}


def check_name(draft: Mapping[str, Any], name: str) -> str:
    """Say why a new prompt cannot have this name; empty when it can."""
    if not NAME_PATTERN.fullmatch(name):
        return "Use small letters, digits, - and _, beginning with a letter, such as assistant."
    if find(draft, name):
        return f"There is already a prompt called “{name}”."
    if len(list_prompts(draft)) >= limits.PROMPTS:
        return f"A brain has at most {limits.PROMPTS} prompts."
    return ""
