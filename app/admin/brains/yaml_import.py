"""Import of a YAML file: a preview of its changes and permission requests, then the import, with undo."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.brains import compare
from app.admin.ui import responses
from app.admin.ui.form_text import normalise_newlines
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.admin.workbench import command_view, drafts, undo, view_model
from app.brains import limits
from app.brains.document import diff, importing, yaml_format
from app.brains.document.importing import REPLACE, ImportRequest
from app.brains.document.yaml_format import InvalidImport
from app.brains.lint import is_blocking
from app.brains.testing import GREEN, Suite, run_tests
from app.brains.versions import slugs, store
from app.brains.versions.models import Brain
from app.brains.versions.store import DraftConflict
from app.immutable import immutable
from app.services import services
from app.text import parse_int64
from app.web import db

blueprint = PageBlueprint(
    "yaml_import",
    __name__,
    url_prefix="/brains",
    section="brains",
    targets=(
        Target(
            "show_form",
            "upload",
            "Import a brain",
            ("yaml", "upload", "file"),
            group=TargetGroup.ACTION,
            order=20,
        ),
    ),
)

# Somebody waits for this page: tests that take longer are left for the workbench.
_TEST_TIMEOUT_MS: Final = 3_000
_MAX_BRAINS: Final = 500


@immutable
class Upload:
    """A file as it was sent: its text, where it goes (a brain's short name, "" = a new one), and how."""

    text: str
    target_slug: str
    mode: str
    name: str = ""


@blueprint.get("/import")
@require_right(Right.WRITE_BRAINS)
def show_form() -> Response:
    """Ask for a file and where it goes."""
    return _render_form(Upload("", request.args.get("into", ""), request.args.get("way", REPLACE)))


@blueprint.post("/import")
@require_right(Right.WRITE_BRAINS)
def import_file() -> Response:
    """Show what a file would change and what it asks for; a second press brings it in."""
    way = request.form.get("choose") or request.form.get("way", REPLACE)
    upload = Upload("", request.form.get("into", ""), way)
    try:
        upload = _upload(upload)
        file = yaml_format.load_yaml(upload.text)
        brain = drafts.get_brain_or_404(upload.target_slug) if upload.target_slug else None
        if "confirm" not in request.form:
            return _review(upload, file, brain)
        return _apply_import(upload, file, brain)
    except InvalidImport as error:
        return _render_form(upload, error)


def _apply_import(upload: Upload, file: Mapping[str, Any], brain: Brain | None) -> Response:
    wanted = ImportRequest(file, brain and brain.draft, upload.mode, set(request.form.getlist("permit")))
    plan = importing.build_plan(wanted, view_model.generate_id)
    if brain is None:
        made = _create_brain(plan.document)
        responses.flash_notice("The brain is created. Nothing is live until you publish.")
        return redirect(url_for("brains.show_workbench", slug=made.slug))
    try:
        change = drafts.change_at(
            upload.target_slug, request.form.get("rev", type=parse_int64), lambda _draft: plan.document
        )
    except DraftConflict:
        return _review(upload, file, drafts.get_brain_or_404(upload.target_slug), late=True)
    done = f"{_commands(plan.count)} added to" if wanted.is_addition else "The file is in"
    undo.notify(f"{done} the draft. Nothing is live until you publish.", upload.target_slug, change)
    return redirect(url_for("brains.show_workbench", slug=upload.target_slug))


def _review(upload: Upload, file: Mapping[str, Any], brain: Brain | None, *, late: bool = False) -> Response:
    """Show everything that would change, with nothing given that is asked for."""
    draft = brain and brain.draft
    plan = importing.build_plan(ImportRequest(file, draft, upload.mode), view_model.generate_id)
    asked = {permit.key for permit in plan.permission_requests}
    whole = importing.build_plan(
        ImportRequest(file, draft, upload.mode, asked), view_model.generate_id
    ).document
    found = drafts.review_draft(whole, brain.id if brain else 0)
    problems = [each for each in found if is_blocking(each)]
    return show(
        "brains/import_review.html",
        status=409 if late else 200,
        upload=upload,
        brain=brain,
        plan=plan,
        late=late,
        found=problems,
        hints=[each for each in found if not is_blocking(each)],
        names=command_view.get_names_by_id(whole.get("commands") or []),
        tests=None if problems else _tests(whole, brain),
        ticked=set(request.form.getlist("permit")),
        counts=_counts(file),
        title=str(file.get("title") or ""),
        **compare.build_context(diff.compare(draft or {}, plan.document)),
    )


def _render_form(upload: Upload, error: InvalidImport | None = None) -> Response:
    brains = store.list_brains(db.session(), limit=_MAX_BRAINS)
    return show(
        "brains/import.html",
        status=422 if error else 200,
        upload=upload,
        brains=brains,
        error=error,
    )


def _upload(upload: Upload) -> Upload:
    """Read the file that was sent, or the text that was typed; raises ImportRefused."""
    file = request.files.get("file")
    if not (file and file.filename):
        return Upload(
            normalise_newlines(request.form.get("text", "")),
            upload.target_slug,
            upload.mode,
            request.form.get("name", "")[:200],
        )
    # One byte more than allowed tells a file that is too large from one that just fits.
    with closing(file):
        sent = file.read(limits.IMPORT_BYTES + 1)
    text = yaml_format.decode_file(sent)
    return Upload(normalise_newlines(text), upload.target_slug, upload.mode, file.filename[:200])


def _create_brain(document: dict[str, Any]) -> Brain:
    """Make a brain of a file just as it is: unlike a new one, in the file's own time zone."""
    title = str(document.get("title") or "").strip()[:100] or "Imported brain"
    now = services().clock()
    return services().database.write(
        lambda session: store.create_brain(
            session, slugs.find_free_slug(session, title), title, document, now
        )
    )


def _tests(document: Mapping[str, Any], brain: Brain | None) -> tuple[int, int] | None:
    """Return how many tests passed, of how many; None when there are none."""
    clock = services().clock
    until = clock() + _TEST_TIMEOUT_MS
    suite = Suite(document, brain.id if brain else 0)
    results = list(run_tests(suite, services().sandbox, lambda: clock() < until))
    return (sum(each.status == GREEN for each in results), len(results)) if results else None


def _counts(file: Mapping[str, Any]) -> list[str]:
    words = {
        "commands": "command",
        "prompts": "prompt",
        "intents": "intent",
        "groups": "group",
        "tests": "test",
    }
    counts = {word: len(file.get(name) or ()) for name, word in words.items()}
    return [f"{count} {word}{'s' if count != 1 else ''}" for word, count in counts.items() if count]


def _commands(count: int) -> str:
    return f"{count} command{' is' if count == 1 else 's are'}"
