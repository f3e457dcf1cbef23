"""The tests of a brain: the list with its colours, one test in its editor, and runs of them."""

import json
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, bench, case_form, drafts, verdicts
from app.admin.answers import fragment, show
from app.admin.guard import needs
from app.brains.models import Brain
from app.web import limiter, partial

blueprint = Blueprint("tests", __name__, url_prefix="/brains/<slug>/tests")

Case = dict[str, Any]


@blueprint.get("/")
@needs(Role.VIEWER)
def overview(slug: str) -> Response:
    """Show the tests; they run when they have not since the last change."""
    brain = drafts.opened(slug)
    if partial() or "run" in request.args:
        return show(bench.TEMPLATE, "tests", **_listed(brain, verdicts.judge(brain)))
    return show(bench.TEMPLATE, **_listed(brain, verdicts.known(brain)))


@blueprint.post("/run")
@needs(Role.EDITOR)
@limiter.limit("120 per minute")
def run(slug: str) -> Response:
    """Run all tests again, or one of them."""
    brain = drafts.opened(slug)
    context = _listed(brain, verdicts.run_again(brain, request.form.get("only", "")))
    if not partial():
        return show(bench.TEMPLATE, **context)
    parts = [
        fragment(bench.TEMPLATE, "tests", **context),
        fragment("brains/fragments.html", "state", **context),
    ]
    return Response("".join(parts), mimetype="text/html")


@blueprint.get("/state")
@needs(Role.VIEWER)
@limiter.limit("120 per minute")
def state(slug: str) -> Response:
    """Run the tests of a draft that has just changed, and return their colour for the header."""
    brain = drafts.opened(slug)
    if not partial():
        return redirect(url_for("tests.overview", slug=slug))
    verdicts.judge(brain)
    return show("brains/tests_link.html", "link", brain=brain)


@blueprint.get("/new")
@needs(Role.EDITOR)
def new(slug: str) -> Response:
    """Open the editor on a test that does not exist yet."""
    brain = drafts.opened(slug)
    name = case_form.new_name(case_form.tests_of(brain.draft))
    return show(bench.TEMPLATE, **editor(brain, case_form.blank(name), saved="new"))


@blueprint.get("/<int:number>")
@needs(Role.VIEWER)
def case(slug: str, number: int) -> Response:
    """Show a test in its editor, with what became of each step."""
    brain = drafts.opened(slug)
    tests = case_form.tests_of(brain.draft)
    found = tests[number - 1] if 1 <= number <= len(tests) else abort(404)
    verdicts.judge(brain)
    return show(bench.TEMPLATE, **editor(brain, found))


@blueprint.post("/save")
@needs(Role.EDITOR)
@limiter.limit("240 per minute")
def save(slug: str) -> Response:
    """Save a test, right or wrong, and run it."""
    typed, base = case_form.read(request.form), request.form.get("base", "")
    try:
        brain, typed = _store(slug, typed, base, force="force" in request.form)
    except drafts.CommandConflict as conflict:
        context = {
            **editor(drafts.opened(slug), typed, saved="conflict"),
            "base": base,
            "problem": str(conflict),
        }
        return _answer(context, 409)
    verdicts.judge(brain)
    if partial():
        return _answer(editor(brain, typed))
    return redirect(url_for("tests.case", slug=slug, number=_place(brain, typed) + 1))


@blueprint.post("/act")
@needs(Role.EDITOR)
def act(slug: str) -> Response:
    """Move, copy or delete a test."""
    wanted, base = request.form.get("act", ""), request.form.get("base", "")
    if wanted not in {"up", "down", "duplicate", "delete"}:
        abort(400)
    lost: list[tuple[int, Case]] = []

    def edit(tests: list[Case]) -> list[Case]:
        at = _find(tests, base)
        if at is None:
            return tests
        if wanted == "delete":
            lost.append((at, tests[at]))
            return [*tests[:at], *tests[at + 1 :]]
        if wanted == "duplicate":
            copy = {**tests[at], "name": f"{tests[at].get('name', '')} copy"[:95]}
            copy["name"] = _free(tests, copy["name"])
            return [*tests[: at + 1], copy, *tests[at + 1 :]]
        to = min(max(at + (-1 if wanted == "up" else 1), 0), len(tests) - 1)
        rest = [*tests[:at], *tests[at + 1 :]]
        return [*rest[:to], tests[at], *rest[to:]]

    brain = _change(slug, edit)
    if lost:
        kept = json.dumps({"place": lost[0][0], "test": lost[0][1]})
        name = lost[0][1].get("name") or "The test"
        answers.undoable(f"“{name}” is deleted from the draft.", url_for("tests.restore", slug=slug), kept)
    if partial():
        return show(bench.TEMPLATE, "tests", **_listed(brain, verdicts.judge(brain)))
    return redirect(url_for("tests.overview", slug=slug))


@blueprint.post("/restore")
@needs(Role.EDITOR)
def restore(slug: str) -> Response:
    """Put a deleted test back where it was."""
    try:
        kept = json.loads(request.form.get("value", ""))
        place, deleted = int(kept["place"]), dict(kept["test"])
    except (ValueError, KeyError, TypeError):
        abort(400)
    _change(slug, lambda tests: [*tests[:place], deleted, *tests[place:]])
    return redirect(url_for("tests.overview", slug=slug))


def add(slug: str, new_case: Case) -> int:
    """Add a test to the newest draft under a name of its own; returns its place, counted from 1."""
    brain = _change(slug, lambda tests: [*tests, {**new_case, "name": _free(tests, new_case["name"])}])
    return len(case_form.tests_of(brain.draft))


def editor(brain: Brain, shown: Case, *, saved: str = "idle") -> dict[str, Any]:
    """Gather what the editor of a test needs."""
    verdict = verdicts.known(brain)
    place = _place(brain, shown)
    prefix = f"tests.{place}."
    context = bench.scene(brain, "test")
    return {
        **context,
        "case": case_form.shown(shown),
        "KINDS": case_form.KINDS,
        "LIMITS": case_form.LIMITS,
        "BLANK": case_form.BLANK,
        "base": "" if saved == "new" else drafts.fingerprint(shown),
        "saved": saved,
        "problem": "",
        "wrong": []
        if saved == "new"
        else [each for each in context["found"] if each.path.startswith(prefix)],
        "result": verdict.of(str(shown.get("name"))) if verdict else None,
        "tone": verdicts.tone,
    }


def _listed(brain: Brain, verdict: verdicts.Verdict | None) -> dict[str, Any]:
    tests = case_form.tests_of(brain.draft)
    rows = [
        (
            test,
            drafts.fingerprint(test),
            verdict.of(str(test.get("name") or "Unnamed test")) if verdict else None,
        )
        for test in tests
    ]
    return bench.scene(
        brain, "tests", rows=rows, verdict=verdict, tone=verdicts.tone, LIMITS=case_form.LIMITS
    )


def _answer(context: dict[str, Any], status: int = 200) -> Response:
    """Answer a save with its state, and what it changes elsewhere on the page."""
    if not partial():
        return show(bench.TEMPLATE, status=status, **context)
    names = ("saved",) if status != 200 else ("saved", "base", "result")
    parts = [fragment("brains/test_fragments.html", name, **context) for name in names]
    return Response("".join(parts), status, mimetype="text/html")


def _store(slug: str, typed: Case, base: str, *, force: bool) -> tuple[Brain, Case]:
    """Put a test in the place of the one it was opened as; raises CommandConflict when that has changed."""
    stored = dict(typed)

    def edit(tests: list[Case]) -> list[Case]:
        at = _find(tests, base)
        if at is None and base and not force:
            raise drafts.CommandConflict("Somebody else has changed this test since you opened it.")
        if at is None and force:
            at = next((n for n, test in enumerate(tests) if test.get("name") == typed["name"]), None)
        stored["name"] = typed["name"] or case_form.new_name(tests)
        return [*tests, stored] if at is None else [*tests[:at], stored, *tests[at + 1 :]]

    return _change(slug, edit), stored


def _change(slug: str, edit: Any) -> Brain:
    return drafts.change(slug, lambda draft: {**draft, "tests": edit(case_form.tests_of(draft))})


def _find(tests: list[Case], base: str) -> int | None:
    return next((n for n, test in enumerate(tests) if drafts.fingerprint(test) == base), None)


def _place(brain: Brain, shown: Case) -> int:
    tests = case_form.tests_of(brain.draft)
    found = _find(tests, drafts.fingerprint(shown))
    return len(tests) if found is None else found


def _free(tests: list[Case], name: str) -> str:
    taken = {str(test.get("name")) for test in tests}
    return next(each for each in (name, *(f"{name} {n}" for n in range(2, 200))) if each not in taken)
