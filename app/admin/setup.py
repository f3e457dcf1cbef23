"""First-run wizard: owner account, first brain from the demo document, then the simulator."""

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Flask, abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import users
from app.accounts.roles import Right
from app.accounts.users import AccountError, Passwords, User
from app.admin.auth import begin_session, get_passwords
from app.admin.brains.publish import publish_draft
from app.admin.brains.views import create_brain
from app.admin.ui.pages import is_allowed
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.admin.ui.time_format import normalise_zone
from app.bot.connections.store import ConnectionInput
from app.brains.document.gallery import build_demo_document
from app.brains.versions import store
from app.channels.simulator.channel import SimulatorChannel
from app.services import services
from app.web import allow_public, db, limiter

blueprint = Blueprint("setup", __name__)


def init_app(app: Flask) -> None:
    """Answer the bare address."""
    app.add_url_rule("/", "home", redirect_home)


@allow_public
def redirect_home() -> Response:
    """Lead from the bare address to the first page one may see, or back to the wizard where it was left."""
    if not current_user.is_authenticated:
        return redirect(url_for("auth.show_sign_in", next="/"))
    if is_first_brain_missing():
        return redirect(url_for("setup.show_first_brain"))
    return redirect(
        url_for("dashboard.show_board" if is_allowed("dashboard.show_board") else "chats.show_inbox")
    )


@blueprint.get("/setup")
@allow_public
def show_account() -> Response:
    """Show the first screen: the owner's account. Once there is a user, it leads to the next step, if there is one."""
    if is_first_brain_missing():
        return redirect(url_for("setup.show_first_brain"))
    _require_no_user()
    return show("setup/account.html", email="", timezone="")


@blueprint.post("/setup")
@allow_public
@limiter.limit("20 per minute")
def create_account() -> Response:
    """Make the owner and sign in."""
    _require_no_user()
    form = request.form
    try:
        # The write runs in a thread of its own, without this app's context: it gets all it needs passed in.
        hashing, now = get_passwords(), services().clock()
        user = services().database.write(lambda session: _create_owner(session, hashing, form, now))
    except AccountError as error:
        return show(
            "setup/account.html",
            status=422,
            email=form.get("email", ""),
            timezone=form.get("timezone", ""),
            problem=error,
        )
    begin_session(user)
    return redirect(url_for("setup.show_first_brain"))


@blueprint.get("/setup/brain")
@require_right(Right.ADMINISTER)
def show_first_brain() -> Response:
    """Show the second screen: the first brain. Gone once there is a brain."""
    _require_no_brain()
    return show("setup/brain.html", title="")


@blueprint.post("/setup/brain")
@require_right(Right.ADMINISTER)
def create_first_brain() -> Response:
    """Make and publish the demo brain, bind a simulator to it and open the phone."""
    _require_no_brain()
    title = request.form.get("title", "").strip()
    if not 1 <= len(title) <= 100:
        return show(
            "setup/brain.html", status=422, title=title, problem="Give it a name of 1 to 100 characters."
        )
    document = build_demo_document()
    document["settings"]["timezone"] = normalise_zone(current_user.timezone)
    brain = create_brain(title, document)
    publish_draft(brain, "The first version")
    account = f"{SimulatorChannel.setup.account_prefix}{secrets.token_hex(4)}"
    values = ConnectionInput("Simulator", SimulatorChannel.kind, account, {}, brain_id=brain.id)
    connections, now = services().connections, services().clock()
    phone = services().database.write(lambda session: connections.create(session, values, now))
    return redirect(url_for("simulator.show_phone", connection=phone.id))


def is_first_brain_missing() -> bool:
    """Tell whether the owner is here and there is no brain: the wizard was left after its first step."""
    return (
        current_user.is_authenticated
        and current_user.has_right(Right.ADMINISTER)
        and not store.list_brains(db.session())
    )


def _create_owner(session: Any, hashing: Passwords, form: Mapping[str, str], now: int) -> User:
    return users.create_first_owner(
        session,
        hashing,
        email=form.get("email", ""),
        password=form.get("password", ""),
        timezone=form.get("timezone", "").strip() or "UTC",
        now=now,
    )


def _require_no_user() -> None:
    if users.has_users(db.session()):
        abort(404)


def _require_no_brain() -> None:
    if store.list_brains(db.session()):
        abort(404)
