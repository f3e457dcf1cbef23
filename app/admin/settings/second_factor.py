"""Second factor of one's account: set up by a QR code, turned off, new recovery codes."""

import secrets

from flask import redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import recovery_codes, second_factor
from app.accounts.roles import Right
from app.accounts.users import AccountError, Passwords, User
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.services import services
from app.web import db, limiter

blueprint = PageBlueprint(
    "second_factor",
    __name__,
    url_prefix="/settings/account/second-factor",
    section="settings",
    targets=(
        Target(
            "show_factor",
            "key",
            "Second factor",
            ("settings", "two-factor", "totp", "authenticator", "recovery codes"),
            order=121,
        ),
    ),
)

_GUESS_LIMIT = "10 per minute; 60 per hour"
WRONG_PASSWORD = "This is not your current password."  # noqa: S105  a message
WRONG_CODE = "This code is wrong or used. Wait for the next one, and check the clock of your phone."


@blueprint.get("/")
@require_right(Right.ACCOUNT)
def show_factor() -> Response:
    """Show the set-up that is open, or what can be done with a second factor that is on."""
    return _show_factor()


@blueprint.post("/begin")
@require_right(Right.ACCOUNT)
@limiter.limit(_GUESS_LIMIT)
def begin_setup() -> Response:
    """Make a secret, for who knows the password."""
    if not _is_password_right():
        return _show_factor({"password": WRONG_PASSWORD}, 422)
    user_id = current_user.id
    sealed = services().vault.encrypt({"totp": second_factor.generate_secret()})
    services().database.write(lambda session: second_factor.begin_setup(session, user_id, sealed))
    return redirect(url_for("second_factor.show_factor"))


@blueprint.post("/enable")
@require_right(Right.ACCOUNT)
@limiter.limit(_GUESS_LIMIT)
def enable() -> Response:
    """Turn the second factor on with a first code, and show the recovery codes, once."""
    user_id, kept_id, now = current_user.id, current_user.session_id, services().clock()
    secret = second_factor.load_secret(db.session(), user_id, services().vault)
    step = second_factor.find_step(secret, request.form.get("code", "")[:40], 0, now) if secret else None
    if step is None:
        return _show_factor({"code": WRONG_CODE}, 422)
    codes = recovery_codes.generate_codes(secrets.token_bytes)
    services().database.write(
        lambda session: second_factor.enable(session, user_id, step, codes, (kept_id, now))
    )
    return _show_codes(codes, "Your second factor is on. All other devices are signed out.")


@blueprint.post("/codes")
@require_right(Right.ACCOUNT)
@limiter.limit(_GUESS_LIMIT)
def renew_codes() -> Response:
    """Show new recovery codes, once; the former ones no longer work."""
    if not _is_password_right():
        return _show_factor({"codes_password": WRONG_PASSWORD}, 422)
    user_id, now = current_user.id, services().clock()
    if not second_factor.is_enabled(db.session(), user_id):
        raise AccountError("Your second factor is off.")
    codes = recovery_codes.generate_codes(secrets.token_bytes)
    services().database.write(lambda session: recovery_codes.replace_codes(session, user_id, codes, now))
    return _show_codes(codes, "These are your new recovery codes. The former ones no longer work.")


@blueprint.post("/disable")
@require_right(Right.ACCOUNT)
@limiter.limit(_GUESS_LIMIT)
def disable() -> Response:
    """Turn the second factor off, for who has both the password and a code."""
    if not _is_password_right():
        return _show_factor({"off_password": WRONG_PASSWORD}, 422)
    user_id, kept_id, now = current_user.id, current_user.session_id, services().clock()
    secret = second_factor.load_secret(db.session(), user_id, services().vault)
    code, write = request.form.get("code", "")[:40], services().database.write
    if not write(lambda session: second_factor.use_code(session, user_id, secret, code, now)):
        return _show_factor({"off_code": WRONG_CODE}, 422)
    write(lambda session: second_factor.disable(session, user_id, kept_id))
    responses.flash_notice("Your second factor is off. All other devices are signed out.")
    return redirect(url_for("account.show_account"))


def _is_password_right() -> bool:
    user = db.session.get_one(User, current_user.id)
    return services().get(Passwords).verify(user, request.form.get("password", ""))


def _show_factor(problems: dict[str, str] | None = None, status: int = 200) -> Response:
    user_id = current_user.id
    factor = second_factor.get_factor(db.session(), user_id)
    is_on = factor is not None and factor.enabled_at is not None
    secret = "" if is_on else second_factor.load_secret(db.session(), user_id, services().vault)
    answer = show(
        "settings/account/second_factor.html",
        status=status,
        problems=problems or {},
        is_on=is_on,
        secret=secret,
        qr_code=_draw_qr_code(second_factor.build_address(secret, current_user.email)) if secret else "",
        codes_left=recovery_codes.count_left(db.session(), user_id),
    )
    return _keep_out_of_caches(answer)


def _show_codes(codes: list[str], message: str) -> Response:
    answer = show("settings/account/recovery_codes.html", codes=codes, message=message)
    return _keep_out_of_caches(answer)


def _keep_out_of_caches(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _draw_qr_code(text: str) -> str:
    """Return a QR code as the address of an SVG image."""
    # Here and not above: it takes memory (4 MB) that no server needs before somebody sets a second factor up.
    import segno  # noqa: PLC0415

    return segno.make(text, error="m", micro=False).svg_data_uri(scale=5, border=3, light="#fff")
