"""Pages of one-time links: an invitation is accepted, a password is set again."""

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import invitations, known_origins, one_time_links, password_resets
from app.accounts.invitations import NewAccount
from app.accounts.one_time_links import LinkError, LinkKind
from app.accounts.roles import describe_role
from app.accounts.users import AccountError
from app.admin.auth import begin_session, get_passwords
from app.admin.ui import responses
from app.admin.ui.device_cookie import set_device_cookie
from app.admin.ui.responses import show
from app.services import services
from app.web import allow_public, db, limiter

blueprint = Blueprint("access_links", __name__)


@blueprint.get("/invitation/<token>")
@allow_public
@limiter.limit("60 per minute")
def show_invitation(token: str) -> Response:
    """Show the form of an account to make; looking does not use the link up."""
    return _show_invitation(token)


@blueprint.post("/invitation/<token>")
@allow_public
@limiter.limit("20 per minute")
def accept_invitation(token: str) -> Response:
    """Make the account and sign in."""
    now, form = services().clock(), request.form
    one_time_links.find_link(db.session(), LinkKind.INVITATION, token, now)
    try:
        hashed = get_passwords().hash(form.get("password", ""))
        account = NewAccount(form.get("name", ""), hashed, form.get("timezone", "").strip() or "UTC")
        user = services().database.write(lambda session: invitations.accept(session, token, account, now))
    except AccountError as error:
        return _show_invitation(token, error, 422)
    begin_session(user)
    return redirect(url_for("home"))


@blueprint.get("/reset/<token>")
@allow_public
@limiter.limit("60 per minute")
def show_reset(token: str) -> Response:
    """Show the form of another password; looking does not use the link up."""
    return _show_reset(token)


@blueprint.post("/reset/<token>")
@allow_public
@limiter.limit("20 per minute")
def reset_password(token: str) -> Response:
    """Set the password, sign out everywhere, and lead to the sign-in, where a second factor is still asked for."""
    now = services().clock()
    password_resets.find_subject(db.session(), token, now)
    try:
        hashed = get_passwords().hash(request.form.get("password", ""))
    except AccountError as error:
        return _show_reset(token, str(error), 422)
    user = services().database.write(lambda session: password_resets.redeem(session, token, hashed, now))
    # Who had to ask for a link may have been held up by strangers who guess: from here on they are not.
    user_id, origin = user.id, set_device_cookie()
    services().database.write(lambda session: known_origins.remember(session, user_id, origin, now))
    responses.flash_notice("Your password is set. Sign in with it.")
    return redirect(url_for("auth.show_sign_in"))


def _show_invitation(token: str, problem: AccountError | None = None, status: int = 200) -> Response:
    link = one_time_links.find_link(db.session(), LinkKind.INVITATION, token, services().clock())
    form = request.form
    return show(
        "auth/invitation.html",
        status=status,
        link=link,
        role=describe_role(link.role),
        problem=problem,
        name=form.get("name", ""),
        timezone=form.get("timezone", ""),
    )


def _show_reset(token: str, problem: str = "", status: int = 200) -> Response:
    user = password_resets.find_subject(db.session(), token, services().clock())
    return show("auth/reset.html", status=status, email=user.email, problem=problem)


@blueprint.errorhandler(LinkError)
def _show_gone(error: LinkError) -> Response:
    return show("auth/link_gone.html", status=404, problem=str(error))
