"""Error pages and the HTTP status of each domain error."""

import structlog
from flask import Flask, g, render_template, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from app.accounts.roles import Right, describe_role, list_roles
from app.admin.ui import responses
from app.signals import DomainError
from app.web import is_fragment_request

log = structlog.get_logger(__name__)

# Title and advice by status; anything else gets the words of 500.
WORDS = {
    400: ("That request made no sense", "Go back and try again. If it happens again, tell us what you did."),
    403: ("You may not do this", "Your role does not allow it. An owner can change your role."),
    404: ("There is nothing here", "The address may be mistyped, or what it showed has been removed."),
    405: ("That cannot be done here", "Go back and use the buttons of the page."),
    413: ("That is too large", "Send a smaller file or a shorter text."),
    419: ("This page was open too long", "Reload it and try again: what you sent was not saved."),
    429: ("Too many tries", "Wait a minute, then try again."),
    500: (
        "Something broke on our side",
        "Nothing you did was lost unless you are told so. Try again in a moment.",
    ),
}


def init_app(app: Flask) -> None:
    """Show every error as a page of the product."""
    app.register_error_handler(CSRFError, lambda _error: _page(419))
    app.register_error_handler(DomainError, _handle_domain_error)
    app.register_error_handler(HTTPException, lambda error: _page(error.code or 500, error))
    app.register_error_handler(Exception, _handle_exception)


def _page(status: int, error: HTTPException | None = None) -> tuple[str, int] | Response:
    if error is not None and isinstance(error.response, Response):
        return error.response
    title, advice = WORDS.get(status, WORDS[500])
    if status == 403 and error is not None and error.description in set(Right):
        advice = _describe_refusal(Right(error.description))
    if is_fragment_request():
        responses.flash_notice(f"{title}. {advice}", "bad")
        return _render_notices(status)
    if request.accept_mimetypes and not request.accept_mimetypes.accept_html:
        return f"{title}\n", status
    return render_template(
        "ui/error.html", status=status, title=title, advice=advice, request_id=_id()
    ), status


def _describe_refusal(right: Right) -> str:
    """Return the advice of a refused page: which roles may, and which one asks."""
    names = [f"{role}s" for role in list_roles(right)]
    who = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"This is for {who}. You are {describe_role(current_user.role)}; an owner can change your role."


def _handle_domain_error(error: DomainError) -> tuple[str, int] | Response:
    if is_fragment_request():
        responses.flash_notice(str(error), "bad")
        return _render_notices(422)
    page = render_template(
        "ui/error.html", status=422, title="That did not work", advice=str(error), request_id=""
    )
    return page, 422


def _handle_exception(error: Exception) -> tuple[str, int] | Response:
    log.error("request failed", path=request.path, request_id=_id(), exc_info=error)
    return _page(500)


def _render_notices(status: int) -> Response:
    # The place the fragment was meant for stays as it is: what was typed there is not lost.
    response = Response(responses.render_fragment("ui/notices.html", "fresh"), status, mimetype="text/html")
    response.headers["HX-Reswap"] = "none"
    return response


def _id() -> str:
    return g.get("request_id", "")
