"""AI provider pages: list, form with key and token prices, connection test, removal."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui import responses, schema_form
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.brains.ai import prices
from app.brains.ai.contract import DEFAULT_KIND
from app.brains.ai.models import AiProvider
from app.brains.ai.provider_store import (
    InvalidProvider,
    ProviderInput,
    ProviderNotFound,
    get_provider,
    list_kinds,
    list_providers,
    remove_provider,
)
from app.brains.ai.service import ProviderCheck
from app.services import services
from app.web import db, is_fragment_request, limiter

blueprint = PageBlueprint(
    "ai",
    __name__,
    url_prefix="/settings/ai",
    section="settings",
    targets=(
        Target(
            "show_list",
            "wand",
            "AI providers",
            ("settings", "models", "openai", "keys"),
            order=111,
        ),
        Target(
            "show_new", "plus", "New AI provider", ("add", "model", "key"), group=TargetGroup.ACTION, order=40
        ),
    ),
)


@blueprint.get("/")
@require_right(Right.READ_BRAINS)
def show_list() -> Response:
    """List the providers."""
    return show("settings/ai_providers/list.html", providers=list_providers(db.session()))


@blueprint.get("/new")
@require_right(Right.ADMINISTER)
def show_new() -> Response:
    """Show the form of a new provider of the kind that was chosen."""
    kind = request.args.get("kind", "")
    known = [each.kind for each in list_kinds()]
    return _form(ProviderInput("", "", "", kind=kind if kind in known else DEFAULT_KIND))


@blueprint.post("/new")
@require_right(Right.ADMINISTER)
def create() -> Response:
    """Make a provider."""
    values, now, providers = _read_input(), services().clock(), services().ai.providers
    try:
        made = services().database.write(lambda session: providers.create(session, values, now))
    except InvalidProvider as error:
        return _form(values, problems=error.fields, status=422)
    responses.flash_notice(f"“{made.name}” is saved. Test it now.")
    return redirect(url_for("ai.edit", provider_id=made.id))


@blueprint.get("/<int:provider_id>")
@require_right(Right.ADMINISTER)
def edit(provider_id: int) -> Response:
    """Show one provider; its key is never shown."""
    row = _get_or_404(provider_id)
    return _form(_build_input(row), row=row)


@blueprint.post("/<int:provider_id>")
@require_right(Right.ADMINISTER)
def update(provider_id: int) -> Response:
    """Change a provider; an empty key keeps the stored one."""
    row = _get_or_404(provider_id)
    values, now, providers = _read_input(), services().clock(), services().ai.providers
    try:
        services().database.write(lambda session: providers.update(session, provider_id, values, now))
    except InvalidProvider as error:
        return _form(values, problems=error.fields, status=422, row=row)
    responses.flash_notice("Saved.")
    return redirect(url_for("ai.edit", provider_id=provider_id))


@blueprint.post("/<int:provider_id>/check")
@require_right(Right.ADMINISTER)
@limiter.limit("20 per minute")
def check(provider_id: int) -> Response:
    """Ask the provider a tiny question and list its models."""
    row = _get_or_404(provider_id)
    checked = services().ai.check(provider_id)
    if is_fragment_request():
        return show("settings/ai_providers/check_result.html", "checked", checked=checked)
    return _form(_build_input(row), row=row, checked=checked)


@blueprint.post("/<int:provider_id>/remove")
@require_right(Right.ADMINISTER)
def remove(provider_id: int) -> Response:
    """Remove a provider with its key; what it answered stays recorded."""
    _get_or_404(provider_id)
    name = services().database.write(lambda session: remove_provider(session, provider_id))
    responses.refresh_session()
    responses.flash_notice(f"“{name}” and its key are removed.")
    return redirect(url_for("ai.show_list"))


def _read_input() -> ProviderInput:
    form = request.form
    return ProviderInput(
        form.get("name", ""),
        form.get("base_url", ""),
        form.get("model", ""),
        form.get("key", ""),
        "keyless" in form,
        form.get("currency", prices.CURRENCY),
        form.get("prices", ""),
        kind := form.get("kind", DEFAULT_KIND),
        _read_options(kind, form),
    )


def _read_options(kind: str, form: Mapping[str, str]) -> dict[str, Any]:
    """Read the settings that only this kind of provider has."""
    config = next((each.Config for each in list_kinds() if each.kind == kind), None)
    prefix = "option_"
    named = {name.removeprefix(prefix): value for name, value in form.items() if name.startswith(prefix)}
    return schema_form.parse_form(config, named) if config else {}


def _build_input(row: AiProvider) -> ProviderInput:
    values = ProviderInput(row.name, row.base_url, row.model, kind=row.kind, options=row.options)
    return replace(values, currency=row.currency, prices=prices.format_lines(row.prices))


def _form(
    values: ProviderInput,
    *,
    problems: dict[str, str] | None = None,
    status: int = 200,
    row: AiProvider | None = None,
    checked: ProviderCheck | None = None,
) -> Response:
    return show(
        "settings/ai_providers/form.html",
        status=status,
        values=values,
        row=row,
        is_readable=row is None or services().ai.providers.has_readable_key(row),
        problems=problems or {},
        kinds=list_kinds(),
        options=_build_option_fields(values, problems or {}),
        checked=checked,
        allow_private=services().settings.ai_allow_private,
    )


def _build_option_fields(values: ProviderInput, problems: Mapping[str, str]) -> list[schema_form.FormField]:
    """Draw the settings that only this kind of provider has."""
    config = next((each.Config for each in list_kinds() if each.kind == values.kind), None)
    own = {name.removeprefix("option_"): words for name, words in problems.items()}
    return schema_form.build_fields(config, (), values.options, problems=own) if config else []


def _get_or_404(provider_id: int) -> AiProvider:
    try:
        return get_provider(db.session(), provider_id)
    except ProviderNotFound:
        abort(404)
