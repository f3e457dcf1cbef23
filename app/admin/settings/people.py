"""People page: who signs in, with which role; invitations, deactivation, links to a new password, second factors."""

import secrets
from collections.abc import Callable
from typing import Any, Final, TypeVar

from flask import abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import invitations, password_resets, second_factor, team
from app.accounts.roles import ROLE_DESCRIPTIONS, Right, Role
from app.accounts.users import AccountError, get_user
from app.admin.settings.webhook_address import build_public_url
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.immutable import immutable
from app.services import services
from app.web import db, limiter

blueprint = PageBlueprint(
    "people",
    __name__,
    url_prefix="/settings/people",
    section="settings",
    targets=(
        Target(
            "show_list",
            "users",
            "People",
            ("settings", "users", "team", "invite", "roles", "agents", "viewers", "editors", "owners"),
            order=95,
        ),
    ),
)

T = TypeVar("T")

# Each link is a way in; nobody needs more of them.
_LINKS_LIMIT: Final = "60 per hour"


@immutable
class NewLink:
    """A link to hand over, shown once."""

    address: str
    whose: str
    kind: str
    expires_at: int
    is_replacing: bool


@blueprint.get("/")
@require_right(Right.ADMINISTER)
def show_list() -> Response:
    """List the people and the open invitations."""
    return _show_list()


@blueprint.post("/invite")
@require_right(Right.ADMINISTER)
@limiter.limit(_LINKS_LIMIT)
def invite() -> Response:
    """Make an invitation and show its link, once."""
    email, role = request.form.get("email", ""), _read_role()
    link = token, _ = secrets.token_urlsafe(32), services().clock()
    try:
        row = _write(lambda session, actor_id: invitations.invite(session, actor_id, email, role, link))
    except AccountError as error:
        return _show_list(problem=str(error), email=email[:254], role=role, status=422)
    address = build_public_url(url_for("access_links.show_invitation", token=token))
    return _show_list(NewLink(address, row.email, row.kind, row.expires_at, row.is_replacing))


@blueprint.post("/invitations/<int:invitation_id>/revoke")
@require_right(Right.ADMINISTER)
def revoke_invitation(invitation_id: int) -> Response:
    """Withdraw an invitation."""
    if not _write(lambda session, actor_id: invitations.revoke(session, actor_id, invitation_id)):
        abort(404)
    return _tell("The invitation is withdrawn.")


@blueprint.post("/<int:user_id>/role")
@require_right(Right.ADMINISTER)
def change_role(user_id: int) -> Response:
    """Give somebody another role, and sign them out."""
    role = _read_role()
    _write(lambda session, actor_id: team.change_role(session, actor_id, user_id, role))
    return _tell(f"Their role is {role} now.")


@blueprint.post("/<int:user_id>/deactivate")
@require_right(Right.ADMINISTER)
def deactivate(user_id: int) -> Response:
    """Let somebody sign in no more, and sign them out."""
    now = services().clock()
    _write(lambda session, actor_id: team.deactivate(session, actor_id, user_id, now))
    email = get_user(db.session(), user_id).email
    responses.flash_undo(
        f"{email} is signed out and cannot sign in.", url_for("people.reactivate", user_id=user_id)
    )
    return redirect(url_for("people.show_list"))


@blueprint.post("/<int:user_id>/reactivate")
@require_right(Right.ADMINISTER)
def reactivate(user_id: int) -> Response:
    """Let somebody sign in again."""
    _write(lambda session, actor_id: team.reactivate(session, actor_id, user_id))
    return _tell("They may sign in again.")


@blueprint.post("/<int:user_id>/reset-password")
@require_right(Right.ADMINISTER)
@limiter.limit(_LINKS_LIMIT)
def reset_password(user_id: int) -> Response:
    """Make a link with which somebody sets another password, and show it, once."""
    token, now = secrets.token_urlsafe(32), services().clock()
    row = _write(lambda session, actor_id: password_resets.issue(session, actor_id, user_id, token, now))
    address = build_public_url(url_for("access_links.show_reset", token=token))
    email = get_user(db.session(), user_id).email
    return _show_list(NewLink(address, email, row.kind, row.expires_at, row.is_replacing))


@blueprint.post("/<int:user_id>/reset-factor")
@require_right(Right.ADMINISTER)
def reset_factor(user_id: int) -> Response:
    """Forget somebody's second factor, and sign them out."""
    now = services().clock()
    _write(lambda session, actor_id: second_factor.reset(session, actor_id, user_id, now))
    return _tell("They sign in with the password alone, and are told why.")


@blueprint.errorhandler(AccountError)
def _show_refusal(error: AccountError) -> Response:
    """Say on the list why something was refused; the list may have changed meanwhile."""
    responses.flash_notice(str(error), "bad")
    return redirect(url_for("people.show_list"))


def _write(act: Callable[[Any, int], T]) -> T:
    """Do something as the current user, and let what is read next see it."""
    actor_id = current_user.id
    result = services().database.write(lambda session: act(session, actor_id))
    responses.refresh_session()
    return result


def _tell(message: str) -> Response:
    responses.flash_notice(message)
    return redirect(url_for("people.show_list"))


def _read_role() -> Role:
    text = request.form.get("role", "")
    return Role(text) if text in set(Role) else abort(400)


def _show_list(link: NewLink | None = None, *, status: int = 200, **given: Any) -> Response:
    session, now = db.session(), services().clock()
    answer = show(
        "settings/people/page.html",
        status=status,
        members=team.list_members(session),
        invitations=invitations.list_open(session, now),
        roles=ROLE_DESCRIPTIONS,
        link=link,
        given=given,
    )
    if link:
        # Whoever comes to this computer next must not find the link by the way back.
        answer.headers["Cache-Control"] = "no-store"
    return answer
