"""Bringing a YAML file in: what it would change and what it asks for is shown first, and can be taken back after."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, bench, command_form, comparing, drafts, excerpts, undoing
from app.admin.answers import show
from app.admin.editing import unix
from app.admin.guard import needs
from app.bot import bot
from app.brains import diff, exchange, importing, limits, versions
from app.brains.exchange import ImportRefused
from app.brains.importing import REPLACE, Wish
from app.brains.lint import stops
from app.brains.models import Brain
from app.brains.testing import GREEN, Suite, run_tests
from app.brains.versions import DraftConflict
from app.web import db, house

blueprint = Blueprint("importing", __name__, url_prefix="/brains")

# Somebody waits for this page: tests that take longer are left for the workbench.
_TEST_MILLIS: Final = 3_000
_BRAINS: Final = 500


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent: its text, where it goes (a brain's short name, "" = a new one), and how."""

    text: str
    into: str
    way: str
    name: str = ""


@blueprint.get("/import")
@needs(Role.EDITOR)
def take_in() -> Response:
    """Ask for a file and where it goes."""
    return _asking(Upload("", request.args.get("into", ""), request.args.get("way", REPLACE)))


@blueprint.post("/import")
@needs(Role.EDITOR)
def bring() -> Response:
    """Show what a file would change and what it asks for; a second press brings it in."""
    way = request.form.get("choose") or request.form.get("way", REPLACE)
    upload = Upload("", request.form.get("into", ""), way)
    try:
        upload = _upload(upload)
        file = exchange.load(upload.text)
        brain = drafts.opened(upload.into) if upload.into else None
        if "confirm" not in request.form:
            return _review(upload, file, brain)
        return _bring_in(upload, file, brain)
    except ImportRefused as error:
        return _asking(upload, error)


def _bring_in(upload: Upload, file: Mapping[str, Any], brain: Brain | None) -> Response:
    wish = Wish(file, brain and brain.draft, upload.way, set(request.form.getlist("permit")))
    plan = importing.plan(wish, bench.new_id)
    if brain is None:
        made = _new_brain(plan.document)
        answers.notice("The brain is made. Nothing is live until you publish.")
        return redirect(url_for("brains.workbench", slug=made.slug))
    try:
        change = drafts.change_at(
            upload.into, request.form.get("rev", type=int), lambda _draft: plan.document
        )
    except DraftConflict:
        return _review(upload, file, drafts.opened(upload.into), late=True)
    told = f"{_commands(plan.count)} added to" if wish.adds else "The file is in"
    undoing.offer(f"{told} the draft. Nothing is live until you publish.", upload.into, change)
    return redirect(url_for("brains.workbench", slug=upload.into))


def _review(upload: Upload, file: Mapping[str, Any], brain: Brain | None, *, late: bool = False) -> Response:
    """Show everything that would change, with nothing given that is asked for."""
    draft = brain and brain.draft
    plan = importing.plan(Wish(file, draft, upload.way), bench.new_id)
    asked = {permit.key for permit in plan.permits}
    whole = importing.plan(Wish(file, draft, upload.way, asked), bench.new_id).document
    found = drafts.reviewed(whole, brain.id if brain else 0)
    problems = [each for each in found if stops(each)]
    return show(
        "brains/import_review.html",
        status=409 if late else 200,
        upload=upload,
        brain=brain,
        plan=plan,
        late=late,
        found=problems,
        hints=[each for each in found if not stops(each)],
        names=command_form.names_of(whole.get("commands") or []),
        place_of=command_form.place_of,
        tests=None if problems else _tests(whole, brain),
        ticked=set(request.form.getlist("permit")),
        counts=_counts(file),
        title=str(file.get("title") or ""),
        **comparing.words(diff.compare(draft or {}, plan.document)),
    )


def _asking(upload: Upload, error: ImportRefused | None = None) -> Response:
    brains = versions.list_brains(db.session(), limit=_BRAINS)
    return show(
        "brains/import.html",
        status=422 if error else 200,
        upload=upload,
        brains=brains,
        error=error,
        code_lines=excerpts.code_lines,
    )


def _upload(upload: Upload) -> Upload:
    """Read the file that was sent, or the text that was typed; raises ImportRefused."""
    file = request.files.get("file")
    if not (file and file.filename):
        return Upload(
            unix(request.form.get("text", "")), upload.into, upload.way, request.form.get("name", "")[:200]
        )
    # One byte more than allowed tells a file that is too large from one that just fits.
    with closing(file):
        sent = file.read(limits.IMPORT_BYTES + 1)
    try:
        text = sent.decode("utf-8-sig", "replace" if len(sent) > limits.IMPORT_BYTES else "strict")
    except UnicodeDecodeError as error:
        raise ImportRefused(
            "This is no text in UTF-8. Export the brain again, or save the file as UTF-8."
        ) from error
    return Upload(unix(text), upload.into, upload.way, file.filename[:200])


def _new_brain(document: dict[str, Any]) -> Brain:
    """Make a brain of a file just as it is: unlike a new one, in the file's own time zone."""
    title = str(document.get("title") or "").strip()[:100] or "Imported brain"
    now = house().clock()
    return house().database.write(
        lambda session: versions.create_brain(
            session, versions.unique_slug(session, title), title, document, now
        )
    )


def _tests(document: Mapping[str, Any], brain: Brain | None) -> tuple[int, int] | None:
    """Return how many tests are green, of how many; None when there are none."""
    clock = house().clock
    until = clock() + _TEST_MILLIS
    suite = Suite(document, brain.id if brain else 0)
    results = list(run_tests(suite, bot().sandbox, lambda: clock() < until))
    return (sum(each.status == GREEN for each in results), len(results)) if results else None


def _counts(file: Mapping[str, Any]) -> list[str]:
    words = {"commands": "command", "prompts": "prompt", "groups": "group", "tests": "test"}
    counts = {word: len(file.get(name) or ()) for name, word in words.items()}
    return [f"{count} {word}{'s' if count != 1 else ''}" for word, count in counts.items() if count]


def _commands(count: int) -> str:
    return f"{count} command{' is' if count == 1 else 's are'}"
