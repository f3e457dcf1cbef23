"""Brain settings forms to document data: general, permissions, groups (pure functions)."""

from collections.abc import Callable, Mapping
from typing import Any

from app.admin.ui.form_text import parse_number, split_lines
from app.admin.workbench.command_form import Form
from app.admin.workbench.command_list import apply_group_rename
from app.brains import limits
from app.brains.capabilities import KINDS
from app.brains.capabilities.kind import CapabilityKind, FormField
from app.brains.document.intents import DidYouMean

Draft = dict[str, Any]

BLANK_ROWS = 2
QUESTION_FIELDS = ("question", "none", "refused", "late")
LIMITS = {
    "session": limits.SESSION_MINUTES,
    "burst": limits.BURST_SECONDS,
}


def build_edit(form: Form) -> Callable[[Draft], Draft]:
    """Return the change to a draft that a posted form asks for; `part` says which form it was."""
    return _PARTS.get(form.get("part", ""), _general)(form)


def get_grants(draft: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the form shows of each grant: `given` and its fields."""
    written = draft.get("grants")
    kept = written if isinstance(written, Mapping) else {}
    shown = {}
    for name, kind in KINDS.items():
        proposed = _propose_grant(kind)
        value = kept.get(name, proposed if kind.is_initial else None)
        fields = value if isinstance(value, Mapping) else {}
        shown[name] = {"given": value is not None, **proposed, **fields}
    return shown


def list_capabilities() -> list[CapabilityKind]:
    """Return the capabilities in the order of the form: those that reach out come last."""
    return sorted(KINDS.values(), key=lambda kind: (kind.reaches_out, kind.order))


def _propose_grant(kind: CapabilityKind) -> dict[str, Any]:
    """Return what the form shows for a permission that is not given yet."""
    fields = kind.Grant.model_fields
    return {name: [] if field.is_required() else field.get_default() for name, field in fields.items()}


def list_group_rows(draft: Mapping[str, Any]) -> list[dict[str, Any]]:
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
        "session_minutes": parse_number(form.get("session_minutes") or "0"),
        "burst_seconds": parse_number(form.get("burst_seconds") or "0"),
        "min_accuracy": parse_number(form.get("min_accuracy") or "0"),
        "max_accuracy_drop": parse_number(form.get("max_accuracy_drop") or "0"),
    }
    texts = {name: form.get(f"ask_{name}", "").strip() for name in QUESTION_FIELDS}
    asked = texts if "did_you_mean" in form else None
    return lambda draft: {
        **draft,
        "title": title or draft.get("title", ""),
        "settings": {**draft.get("settings", {}), **rules, "did_you_mean": _merge_question(draft, asked)},
    }


def _merge_question(draft: Draft, asked: dict[str, str] | None) -> dict[str, Any] | None:
    """Keep the titles and languages of the question back, which the form does not show."""
    if asked is None:
        return None
    old = draft.get("settings", {}).get("did_you_mean")
    fields = old if isinstance(old, Mapping) else {}
    kept = {name: value for name, value in fields.items() if name not in QUESTION_FIELDS}
    return {**kept, **{name: text for name, text in asked.items() if text}}


def get_question(draft: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form shows of the question back: `given`, its texts, the languages it is also asked in."""
    written = draft.get("settings", {}).get("did_you_mean")
    fields = written if isinstance(written, Mapping) else {}
    texts = {name: fields.get(name, DidYouMean.model_fields[name].default) for name in QUESTION_FIELDS}
    return {
        "given": isinstance(written, Mapping),
        **texts,
        "languages": sorted(fields.get("languages") or ()),
    }


def _permissions(form: Form) -> Callable[[Draft], Draft]:
    grants = {
        name: {field.name: _read_field(form, field) for field in kind.fields}
        if f"grant_{name}" in form
        else None
        for name, kind in KINDS.items()
    }
    strict = "strict" in form
    return lambda draft: {
        **draft,
        "settings": {**draft.get("settings", {}), "strict": strict},
        "grants": {
            **draft.get("grants", {}),
            **{name: _merge_grant(draft, name, new) for name, new in grants.items()},
        },
    }


def _read_field(form: Form, field: FormField) -> Any:
    """Read one field of a permission as it is typed."""
    text = form.get(field.input, "")
    if field.type == "lines":
        return [line.lower() for line in split_lines(text)]
    if field.type == "choice":
        return text or None
    return None if field.is_optional and not text.strip() else parse_number(text)


def _merge_grant(draft: Draft, name: str, new: dict[str, Any] | None) -> dict[str, Any] | None:
    """Keep the fields of a grant that the form does not show."""
    old = draft.get("grants", {}).get(name)
    return {**(old if isinstance(old, Mapping) else {}), **new} if new is not None else None


def _groups(form: Form) -> Callable[[Draft], Draft]:
    columns = [form.getlist(name) for name in ("group_was", "group_name", "group_errors_to")]
    rows = [tuple(cell.strip() for cell in row) for row in zip(*columns, strict=False)]
    groups = [
        {"name": name, "errors_to": phone} if phone else {"name": name} for _, name, phone in rows if name
    ]
    renamed = {was: name for was, name, _ in rows if was}
    return lambda draft: {
        **draft,
        "groups": groups,
        "commands": [apply_group_rename(each, renamed) for each in draft.get("commands", [])],
    }


_PARTS: dict[str, Callable[[Form], Callable[[Draft], Draft]]] = {
    "general": _general,
    "grants": _permissions,
    "groups": _groups,
}
