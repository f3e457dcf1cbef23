"""The first-run pages: an owner, a first brain, and on to the simulator."""

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app import accounts
from app.accounts import AccountError, Passwords, Role, User
from app.admin.answers import show
from app.admin.auth import begin_session, passwords
from app.admin.brains import make_brain
from app.admin.guard import needs
from app.admin.publishing import make_live
from app.admin.times import known_zone
from app.bot import bot
from app.bot.connections import Wish
from app.brains import versions
from app.brains.gallery import demo_document
from app.web import db, house, limiter

blueprint = Blueprint("setup", __name__)


@blueprint.get("/setup")
def account() -> Response:
    """Show the first screen: the owner's account. Gone once there is a user."""
    _only_before_the_first_user()
    return show("setup/account.html", email="", timezone="")


@blueprint.post("/setup")
@limiter.limit("20 per minute")
def make_account() -> Response:
    """Make the owner and sign in."""
    _only_before_the_first_user()
    form = request.form
    try:
        # The write runs in a thread of its own, without this app's context: it gets all it needs passed in.
        hashing, now = passwords(), house().clock()
        user = house().database.write(lambda session: _make_owner(session, hashing, form, now))
    except AccountError as error:
        return show(
            "setup/account.html",
            status=422,
            email=form.get("email", ""),
            timezone=form.get("timezone", ""),
            problem=str(error),
        )
    begin_session(user)
    return redirect(url_for("setup.first_brain"))


@blueprint.get("/setup/brain")
@needs(Role.OWNER)
def first_brain() -> Response:
    """Show the second screen: the first brain. Gone once there is a brain."""
    _only_before_the_first_brain()
    return show("setup/brain.html", title="")


@blueprint.post("/setup/brain")
@needs(Role.OWNER)
def make_first_brain() -> Response:
    """Make and publish the demo brain, bind a simulator to it and open the phone."""
    _only_before_the_first_brain()
    title = request.form.get("title", "").strip()
    if not 1 <= len(title) <= 100:
        return show(
            "setup/brain.html", status=422, title=title, problem="Give it a name of 1 to 100 characters."
        )
    document = demo_document()
    document["settings"]["timezone"] = known_zone(current_user.timezone)
    brain = make_brain(title, document)
    make_live(brain, "The first version")
    wish = Wish("Simulator", "simulator", f"sim-{secrets.token_hex(4)}", {}, brain_id=brain.id)
    connections, now = bot().connections, house().clock()
    phone = house().database.write(lambda session: connections.create(session, wish, now))
    return redirect(url_for("simulator.phone", connection=phone.id))


def _make_owner(session: Any, hashing: Passwords, form: Mapping[str, str], now: int) -> User:
    # Asked again inside the transaction: two first visitors make one owner.
    if accounts.any_user(session):
        raise AccountError("This installation has an owner by now. Sign in instead.")
    return accounts.create_user(
        session,
        hashing,
        email=form.get("email", ""),
        password=form.get("password", ""),
        timezone=known_zone(form.get("timezone", "")),
        now=now,
    )


def _only_before_the_first_user() -> None:
    if accounts.any_user(db.session()):
        abort(404)


def _only_before_the_first_brain() -> None:
    if versions.list_brains(db.session()):
        abort(404)
