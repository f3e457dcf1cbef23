"""Trying a command from its editor."""

from flask import Blueprint, abort, request
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import bench, drafts, editing, trying
from app.admin.answers import show
from app.admin.guard import needs
from app.brains.models import Brain
from app.web import limiter, partial

blueprint = Blueprint("trials", __name__, url_prefix="/brains/<slug>/commands")


@blueprint.post("/<command_id>/try")
@needs(Role.EDITOR)
@limiter.limit("120 per minute")
def try_command(slug: str, command_id: str) -> Response:
    """Run what stands in the editor once, in the sandbox; nothing is sent or kept."""
    brain = drafts.opened(slug)
    command = _typed(brain, command_id)
    try:
        context, status = {"ran": trying.run(brain, command, request.form), "refused": ""}, 200
    except trying.NotTried as error:
        context, status = {"ran": None, "refused": str(error)}, 422
    if partial():
        return show("brains/tried_out.html", "result", status=status, **context)
    return show(
        bench.TEMPLATE, status=status, **{**bench.editor(brain, command), **context, "typed": request.form}
    )


def _typed(brain: Brain, command_id: str) -> editing.Command:
    """Return the command as the editor's form has it; without the form, as it is stored."""
    if "action_kind" in request.form:
        command = editing.read_command(request.form, command_id)
        return {**command, "name": command["name"] or "Unnamed", "enabled": True}
    return bench.stored_command(brain, command_id) or abort(404)
