"""A brain's settings read from their forms and put into its draft. Pure: data in, data out."""

from collections.abc import Callable, Mapping
from typing import Any

from app.admin.editing import Form, lines, number
from app.admin.sections import followed
from app.brains import limits

Draft = dict[str, Any]

# What a form shows for a grant that is not given yet.
PROPOSED = {
    "memory": {"max_entries": limits.MEMORY_ENTRIES},
    "http": {"allow": []},
    "ai": {"monthly_tokens": 1_000_000, "provider": None},
    "media": {},
    "schedule": {"max_pending": limits.SCHEDULED},
}
GIVEN_AT_FIRST = {"memory", "media", "schedule"}
BLANK_ROWS = 2
LIMITS = {
    "session": limits.SESSION_MINUTES,
    "burst": limits.BURST_SECONDS,
    "hosts": limits.HTTP_HOSTS,
    "entries": limits.MEMORY_ENTRIES_MOST,
    "scheduled": limits.SCHEDULED,
}


def edited(form: Form) -> Callable[[Draft], Draft]:
    """Return the change to a draft that a posted form asks for; `part` says which form it was."""
    return _PARTS.get(form.get("part", ""), _general)(form)


def grants_of(draft: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the form shows of each grant: `given` and its fields."""
    written = draft.get("grants")
    kept = written if isinstance(written, Mapping) else {}
    shown = {}
    for name, proposed in PROPOSED.items():
        value = kept.get(name, proposed if name in GIVEN_AT_FIRST else None)
        fields = value if isinstance(value, Mapping) else {}
        shown[name] = {"given": value is not None, **proposed, **fields}
    return shown


def groups_of(draft: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the groups' form: those there are, and blank ones to fill in."""
    groups = draft.get("groups")
    rows = [dict(each) for each in groups if isinstance(each, Mapping)] if isinstance(groups, list) else []
    blank = min(BLANK_ROWS, max(limits.GROUPS - len(rows), 0))
    return rows + [{"name": "", "errors_to": ""} for _ in range(blank)]


def _general(form: Form) -> Callable[[Draft], Draft]:
    title = form.get("title", "").strip()
    rules = {
        "prefixes": form.get("prefixes", "").split(),
        "timezone": form.get("timezone", "").strip(),
        "language": form.get("language", "").strip(),
        "session_minutes": number(form.get("session_minutes") or "0"),
        "burst_seconds": number(form.get("burst_seconds") or "0"),
    }
    return lambda draft: {
        **draft,
        "title": title or draft.get("title", ""),
        "settings": {**draft.get("settings", {}), **rules},
    }


def _permissions(form: Form) -> Callable[[Draft], Draft]:
    hosts = [host.lower() for host in lines(form.get("http_allow", ""))]
    fields = {
        "memory": {"max_entries": number(form.get("memory_entries", ""))},
        "http": {"allow": hosts},
        "ai": {"monthly_tokens": _tokens(form), "provider": form.get("ai_provider") or None},
        "media": {},
        "schedule": {"max_pending": number(form.get("schedule_pending", ""))},
    }
    grants = {name: value if f"grant_{name}" in form else None for name, value in fields.items()}
    strict = "strict" in form
    return lambda draft: {
        **draft,
        "settings": {**draft.get("settings", {}), "strict": strict},
        "grants": {
            **draft.get("grants", {}),
            **{name: _over(draft, name, new) for name, new in grants.items()},
        },
    }


def _tokens(form: Form) -> int | float | str | None:
    """Read how many tokens are allowed; none written = any number."""
    text = form.get("ai_tokens", "")
    return number(text) if text.strip() else None


def _over(draft: Draft, name: str, new: dict[str, Any] | None) -> dict[str, Any] | None:
    """Keep the fields of a grant that the form does not show."""
    old = draft.get("grants", {}).get(name)
    return {**(old if isinstance(old, Mapping) else {}), **new} if new is not None else None


def _groups(form: Form) -> Callable[[Draft], Draft]:
    columns = [form.getlist(name) for name in ("group_was", "group_name", "group_errors_to")]
    rows = [tuple(cell.strip() for cell in row) for row in zip(*columns, strict=False)]
    groups = [{"name": name, "errors_to": told} if told else {"name": name} for _, name, told in rows if name]
    renamed = {was: name for was, name, _ in rows if was}
    return lambda draft: {
        **draft,
        "groups": groups,
        "commands": [followed(each, renamed) for each in draft.get("commands", [])],
    }


_PARTS: dict[str, Callable[[Form], Callable[[Draft], Draft]]] = {
    "general": _general,
    "grants": _permissions,
    "groups": _groups,
}
