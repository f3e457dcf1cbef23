"""What code uses without the brain's permission, and hosts that are not on the list."""

import re
from collections.abc import Iterator
from typing import Final

from app.brains import limits
from app.brains.lint.finding import ERROR, Code, Draft, Finding, at_command
from app.brains.prompts import PromptAction

# What of `ctx` needs which grant: the first word, or its beginning.
_NEEDS: Final = {
    "memory": "memory",
    "http": "http",
    "ai": "ai",
    "schedule": "schedule",
    "cancel": "schedule",
    "send_image": "media",
    "send_video": "media",
    "send_audio": "media",
    "send_document": "media",
}
_WORDS: Final = {
    "memory": "remember anything",
    "http": "ask web services",
    "ai": "ask the AI",
    "schedule": "schedule commands",
    "media": "send files",
}
# A whole host, ended by what follows it: half of one may become another when the script runs.
_HOST = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^/?#:\s]*)(?P<end>[/?#:]|$)", re.IGNORECASE)


def find(draft: Draft) -> Iterator[Finding]:
    """Find calls that would be refused."""
    granted = draft.document.grants.names
    hosts = draft.document.grants.http.allow if draft.document.grants.http else ()
    for place, command in draft.commands:
        if isinstance(command.action, PromptAction) and "ai" not in granted:
            said = f"A prompt is asked, but this brain may not {_WORDS['ai']}."
            yield at_command("missing-grant", ERROR, place, command, "action.prompt", said, _switch("ai"))
    for code in draft.codes:
        yield from _ungranted(code, granted)
        if "http" in granted:
            yield from _elsewhere(code, hosts)


def _ungranted(code: Code, granted: frozenset[str]) -> Iterator[Finding]:
    told: set[str] = set()
    for fact in code.of("use", "alias"):
        grant = _needed(code, fact.texts)
        if grant is None or fact.flag or grant in granted or grant in told:
            continue
        told.add(grant)
        written = f"ctx.{fact.texts[0]}" if code.is_script else ".".join(fact.texts[:2])
        said = f"“{written}” is used, but this brain may not {_WORDS[grant]}."
        yield code.finding("missing-grant", ERROR, fact, said, _switch(grant))


def _switch(grant: str) -> str:
    return f"Switch “{grant}” on in the brain's settings, or do without."


def _needed(code: Code, path: tuple[str, ...]) -> str | None:
    if code.is_script:
        return _NEEDS.get(path[0]) if path else None
    remembered = path[:1] == ("memory",) or path[:2] in {("chat", "memory"), ("brain", "memory")}
    return "memory" if remembered else None


def _elsewhere(code: Code, allowed: tuple[str, ...]) -> Iterator[Finding]:
    for fact in code.of("http"):
        found = _HOST.match(fact.texts[0])
        whole = fact.flag and len(fact.texts[0]) < limits.FACT_CHARS
        if found is None or not (found["end"] or whole):
            continue
        host = found["host"].lower()
        if found["scheme"].lower() != "https":
            said, fix = f"“{fact.texts[0][:60]}” is not fetched: only https is.", "Begin it with https://."
        elif host not in allowed:
            said = f"The host {host} is not on the list of what this brain may ask."
            fix = "Add it to the brain's settings under HTTP, or correct the address."
        else:
            continue
        yield code.finding("host-not-allowed", ERROR, fact, said, fix)
