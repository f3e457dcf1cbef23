"""Lint rules for permissions: missing ones, and calls a permission will refuse."""

from collections.abc import Iterator
from typing import Final

from app.brains import limits
from app.brains.capabilities import KINDS
from app.brains.capabilities.kind import CapabilityKind
from app.brains.document.prompts import PromptAction
from app.brains.lint.finding import ERROR, Code, Draft, Finding, build_command_finding
from app.brains.runtime import prompts

# What of `ctx` needs which permission, by its first word.
_NEEDS: Final = {attribute: kind for kind in KINDS.values() for attribute in kind.attributes}
_PROMPTS: Final = KINDS[prompts.METHOD]


def find(draft: Draft) -> Iterator[Finding]:
    """Find calls that a missing or too narrow permission would refuse."""
    granted = draft.document.grants.names
    for place, command in draft.commands:
        if isinstance(command.action, PromptAction) and _PROMPTS.name not in granted:
            message = f"A prompt is asked, but this brain may not {_PROMPTS.purpose}."
            yield build_command_finding(
                "missing-grant", ERROR, place, command, "action.prompt", message, _format_fix(_PROMPTS)
            )
    for code in draft.codes:
        yield from _find_ungranted(code, granted)
        for kind in KINDS.values():
            grant = draft.document.grants.get(kind.Grant)
            if kind.fact_kind and grant is not None:
                yield from _find_misuse(code, kind, grant)


def _find_ungranted(code: Code, granted: frozenset[str]) -> Iterator[Finding]:
    reported: set[str] = set()
    for fact in code.list_facts("use", "alias"):
        kind = _find_required_kind(code, fact.texts)
        if kind is None or fact.flag or kind.name in granted or kind.name in reported:
            continue
        reported.add(kind.name)
        written = f"ctx.{fact.texts[0]}" if code.is_script else ".".join(fact.texts[:2])
        message = f"“{written}” is used, but this brain may not {kind.purpose}."
        yield code.build_finding("missing-grant", ERROR, fact, message, _format_fix(kind))


def _format_fix(kind: CapabilityKind) -> str:
    return f"Switch “{kind.name}” on in the brain's settings, or do without."


def _find_required_kind(code: Code, path: tuple[str, ...]) -> CapabilityKind | None:
    if code.is_script:
        return _NEEDS.get(path[0]) if path else None
    is_memory = path[:1] == ("memory",) or path[:2] in {("chat", "memory"), ("brain", "memory")}
    return _NEEDS["memory"] if is_memory else None


def _find_misuse(code: Code, kind: CapabilityKind, grant: object) -> Iterator[Finding]:
    for fact in code.list_facts(kind.fact_kind):
        text = fact.texts[0]
        is_whole = fact.flag and len(text) < limits.FACT_CHARS
        found = kind.find_misuse(text, grant, is_whole=is_whole)
        if found:
            yield code.build_finding(kind.misuse_code, ERROR, fact, *found)
