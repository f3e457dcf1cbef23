"""Settings of the installation: the AI providers."""

from dataclasses import replace

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers
from app.admin.answers import show
from app.admin.guard import needs
from app.bot import bot
from app.brains.ai import prices
from app.brains.ai.models import AiProvider
from app.brains.ai.providers import (
    ProviderNotFound,
    ProviderRefused,
    Wish,
    get_provider,
    list_providers,
    remove_provider,
)
from app.brains.ai.service import Checked
from app.web import db, house, limiter, partial

blueprint = Blueprint("ai", __name__, url_prefix="/settings/ai")


@blueprint.get("/")
@needs(Role.OWNER)
def overview() -> Response:
    """List the providers."""
    return show("ai/list.html", providers=list_providers(db.session()))


@blueprint.get("/new")
@needs(Role.OWNER)
def new() -> Response:
    """Show the form of a new provider."""
    return _form(Wish("", "", ""))


@blueprint.post("/new")
@needs(Role.OWNER)
def create() -> Response:
    """Make a provider."""
    wish, now, providers = _wish(), house().clock(), bot().ai.providers
    try:
        made = house().database.write(lambda session: providers.create(session, wish, now))
    except ProviderRefused as error:
        return _form(wish, problems=error.fields, status=422)
    answers.notice(f"“{made.name}” is saved. Test it now.")
    return redirect(url_for("ai.edit", provider_id=made.id))


@blueprint.get("/<int:provider_id>")
@needs(Role.OWNER)
def edit(provider_id: int) -> Response:
    """Show one provider; its key is never shown."""
    row = _found(provider_id)
    return _form(_kept(row), row=row)


@blueprint.post("/<int:provider_id>")
@needs(Role.OWNER)
def update(provider_id: int) -> Response:
    """Change a provider; an empty key keeps the stored one."""
    row = _found(provider_id)
    wish, now, providers = _wish(), house().clock(), bot().ai.providers
    try:
        house().database.write(lambda session: providers.update(session, provider_id, wish, now))
    except ProviderRefused as error:
        return _form(wish, problems=error.fields, status=422, row=row)
    answers.notice("Saved.")
    return redirect(url_for("ai.edit", provider_id=provider_id))


@blueprint.post("/<int:provider_id>/check")
@needs(Role.OWNER)
@limiter.limit("20 per minute")
def check(provider_id: int) -> Response:
    """Ask the provider a tiny question and list its models."""
    row = _found(provider_id)
    checked = bot().ai.check(provider_id)
    if partial():
        return show("ai/checked.html", "checked", checked=checked)
    return _form(_kept(row), row=row, checked=checked)


@blueprint.post("/<int:provider_id>/remove")
@needs(Role.OWNER)
def remove(provider_id: int) -> Response:
    """Remove a provider with its key; what it answered stays recorded."""
    _found(provider_id)
    name = house().database.write(lambda session: remove_provider(session, provider_id))
    answers.look_again()
    answers.notice(f"“{name}” and its key are removed.")
    return redirect(url_for("ai.overview"))


def _wish() -> Wish:
    form = request.form
    return Wish(
        form.get("name", ""),
        form.get("base_url", ""),
        form.get("model", ""),
        form.get("key", ""),
        "keyless" in form,
        form.get("currency", prices.CURRENCY),
        form.get("prices", ""),
    )


def _kept(row: AiProvider) -> Wish:
    wish = Wish(row.name, row.base_url, row.model)
    return replace(wish, currency=row.currency, prices=prices.written(row.prices))


def _form(
    wish: Wish,
    *,
    problems: dict[str, str] | None = None,
    status: int = 200,
    row: AiProvider | None = None,
    checked: Checked | None = None,
) -> Response:
    return show(
        "ai/form.html",
        status=status,
        wish=wish,
        row=row,
        problems=problems or {},
        checked=checked,
        allow_private=house().settings.ai_allow_private,
    )


def _found(provider_id: int) -> AiProvider:
    try:
        return get_provider(db.session(), provider_id)
    except ProviderNotFound:
        abort(404)
