"""Test pages of a brain: list with results, editor of a test, runs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui import responses
from app.admin.ui.effects import EffectView, describe_effects
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.admin.workbench import drafts, test_form, test_results
from app.admin.workbench.view_model import TEMPLATE, Workbench, render_parts, render_workbench
from app.brains.testing import StepResult
from app.brains.versions.models import Brain
from app.text import parse_json, to_storable_data
from app.web import is_fragment_request, limiter

blueprint = PageBlueprint(
    "tests",
    __name__,
    url_prefix="/brains/<slug>/tests",
    section="brains",
    targets=(
        Target("list_tests", "circle-check", "Tests", group=TargetGroup.BRAIN_PAGE, order=20),
        Target(
            "show_new_form", "plus", "New test", ("add", "create"), group=TargetGroup.BRAIN_ACTION, order=30
        ),
    ),
)

Case = dict[str, Any]


@blueprint.get("/")
@require_right(Right.READ_BRAINS)
def list_tests(slug: str) -> Response:
    """Show the tests; they run when they have not since the last change."""
    brain = drafts.get_brain_or_404(slug)
    if is_fragment_request() or "run" in request.args:
        return _show_list(brain, test_results.get_or_run(brain), "tests")
    return _show_list(brain, test_results.get_cached(brain))


@blueprint.post("/run")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("120 per minute")
def run(slug: str) -> Response:
    """Run all tests again, or one of them."""
    brain = drafts.get_brain_or_404(slug)
    suite = test_results.run(brain, request.form.get("only", ""))
    if not is_fragment_request():
        return _show_list(brain, suite)
    parts = [(TEMPLATE, "tests"), ("workbench/fragments.html", "state")]
    context = _build_list_context(brain, suite)
    return Response(render_parts(Workbench(brain, "tests"), parts, **context), mimetype="text/html")


@blueprint.get("/state")
@require_right(Right.READ_BRAINS)
@limiter.limit("120 per minute")
def show_state(slug: str) -> Response:
    """Run the tests of a draft that has just changed, and return their colour for the header."""
    brain = drafts.get_brain_or_404(slug)
    if not is_fragment_request():
        return redirect(url_for("tests.list_tests", slug=slug))
    test_results.get_or_run(brain)
    return show("testing/tests_link.html", "link", brain=brain)


@blueprint.get("/new")
@require_right(Right.WRITE_BRAINS)
def show_new_form(slug: str) -> Response:
    """Open the editor on a test that does not exist yet."""
    brain = drafts.get_brain_or_404(slug)
    name = test_form.generate_name(test_form.list_tests(brain.draft))
    return _show_editor(brain, test_form.build_blank(name), saved="new")


@blueprint.get("/<int:number>")
@require_right(Right.READ_BRAINS)
def show_test(slug: str, number: int) -> Response:
    """Show a test in its editor, with what became of each step."""
    brain = drafts.get_brain_or_404(slug)
    tests = test_form.list_tests(brain.draft)
    found = tests[number - 1] if 1 <= number <= len(tests) else abort(404)
    test_results.get_or_run(brain)
    return _show_editor(brain, found)


@blueprint.post("/save")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("240 per minute")
def save(slug: str) -> Response:
    """Save a test, right or wrong, and run it."""
    typed, base = test_form.read(request.form), request.form.get("base", "")
    try:
        brain, typed = _store(slug, typed, base, force="force" in request.form)
    except drafts.CommandConflict as conflict:
        brain = drafts.get_brain_or_404(slug)
        more = {
            "saved": "conflict",
            "base": base,
            "problem": str(conflict),
            "conflict": drafts.compare_conflict(brain.draft, "tests", typed),
        }
        if is_fragment_request():
            return _render_save(brain, typed, ("saved",), 409, **more)
        return _show_editor(brain, typed, status=409, **more)
    test_results.get_or_run(brain)
    if is_fragment_request():
        return _render_save(
            brain, typed, ("saved", "base", "result"), number=_find_position(brain, typed) + 1
        )
    return redirect(url_for("tests.show_test", slug=slug, number=_find_position(brain, typed) + 1))


@blueprint.post("/act")
@require_right(Right.WRITE_BRAINS)
def apply_action(slug: str) -> Response:
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
            copy["name"] = _find_free_name(tests, copy["name"])
            return [*tests[: at + 1], copy, *tests[at + 1 :]]
        to = min(max(at + (-1 if wanted == "up" else 1), 0), len(tests) - 1)
        rest = [*tests[:at], *tests[at + 1 :]]
        return [*rest[:to], tests[at], *rest[to:]]

    brain = _change(slug, edit)
    if lost:
        kept = json.dumps({"place": lost[0][0], "test": lost[0][1]})
        name = lost[0][1].get("name") or "The test"
        responses.flash_undo(
            f"“{name}” is deleted from the draft.", url_for("tests.restore", slug=slug), kept
        )
    if is_fragment_request():
        return _show_list(brain, test_results.get_or_run(brain), "tests")
    return redirect(url_for("tests.list_tests", slug=slug))


@blueprint.post("/restore")
@require_right(Right.WRITE_BRAINS)
def restore(slug: str) -> Response:
    """Put a deleted test back where it was."""
    try:
        kept = to_storable_data(parse_json(request.form.get("value", "").encode()))
        place, deleted = int(kept["place"]), dict(kept["test"])
    except (ValueError, KeyError, TypeError, OverflowError):
        abort(400)
    _change(slug, lambda tests: [*tests[:place], deleted, *tests[place:]])
    return redirect(url_for("tests.list_tests", slug=slug))


def add(slug: str, new_case: Case) -> int:
    """Add a test to the newest draft under a name of its own; returns its place, counted from 1."""
    brain = _change(
        slug, lambda tests: [*tests, {**new_case, "name": _find_free_name(tests, new_case["name"])}]
    )
    return len(test_form.list_tests(brain.draft))


def _show_list(brain: Brain, suite: test_results.SuiteResult | None, part: str | None = None) -> Response:
    return render_workbench(Workbench(brain, "tests"), part, **_build_list_context(brain, suite))


def _build_list_context(brain: Brain, suite: test_results.SuiteResult | None) -> dict[str, Any]:
    rows = [
        (
            test,
            drafts.compute_fingerprint(test),
            suite.find(str(test.get("name") or "Unnamed test")) if suite else None,
        )
        for test in test_form.list_tests(brain.draft)
    ]
    return {
        "rows": rows,
        "suite": suite,
        "tone": test_results.get_result_display,
        "LIMITS": test_form.LIMITS,
    }


def _show_editor(brain: Brain, shown: Case, *, status: int = 200, **more: Any) -> Response:
    workbench = Workbench(brain, "test")
    return render_workbench(workbench, status=status, **_build_editor_context(workbench, shown, **more))


def _render_save(
    brain: Brain, typed: Case, blocks: Sequence[str], status: int = 200, **more: Any
) -> Response:
    """Answer a save with its state, and what it changes elsewhere on the page."""
    workbench = Workbench(brain, "test")
    parts = [("testing/test_fragments.html", block) for block in blocks]
    context = _build_editor_context(workbench, typed, **more)
    return Response(render_parts(workbench, parts, **context), status, mimetype="text/html")


def _build_editor_context(
    workbench: Workbench, shown: Case, *, saved: str = "idle", **more: Any
) -> dict[str, Any]:
    """Gather what the editor of a test needs; `more` overrides."""
    brain, is_new = workbench.brain, saved == "new"
    suite = test_results.get_cached(brain)
    problems, _ = workbench.list_findings_under(f"tests.{_find_position(brain, shown)}.")
    return {
        "case": test_form.to_form(shown),
        "KINDS": test_form.KINDS,
        "LIMITS": test_form.LIMITS,
        "BLANK": test_form.BLANK_ROW,
        "base": "" if is_new else drafts.compute_fingerprint(shown),
        "saved": saved,
        "problem": "",
        "wrong": [] if is_new else problems,
        "result": suite.find(str(shown.get("name"))) if suite else None,
        "tone": test_results.get_result_display,
        "describe_notes": _describe_notes,
        **more,
    }


def _describe_notes(step: StepResult, names: Mapping[str, str]) -> list[EffectView]:
    """Say what a step decided besides its answers: variables, schedules, handoff."""
    return [each for each in describe_effects(step.effects, names, step.at) if each.kind == "note"]


def _store(slug: str, typed: Case, base: str, *, force: bool) -> tuple[Brain, Case]:
    """Put a test in the place of the one it was opened as; raises CommandConflict when that has changed."""
    stored = dict(typed)

    def edit(tests: list[Case]) -> list[Case]:
        at = _find(tests, base)
        if at is None and base and not force:
            raise drafts.CommandConflict("Somebody else has changed this test since you opened it.")
        if at is None and force:
            at = next((n for n, test in enumerate(tests) if test.get("name") == typed["name"]), None)
        stored["name"] = typed["name"] or test_form.generate_name(tests)
        return [*tests, stored] if at is None else [*tests[:at], stored, *tests[at + 1 :]]

    return _change(slug, edit), stored


def _change(slug: str, edit: Any) -> Brain:
    return drafts.change(slug, lambda draft: {**draft, "tests": edit(test_form.list_tests(draft))})


def _find(tests: list[Case], base: str) -> int | None:
    return next((n for n, test in enumerate(tests) if drafts.compute_fingerprint(test) == base), None)


def _find_position(brain: Brain, shown: Case) -> int:
    tests = test_form.list_tests(brain.draft)
    found = _find(tests, drafts.compute_fingerprint(shown))
    return len(tests) if found is None else found


def _find_free_name(tests: list[Case], name: str) -> str:
    taken = {str(test.get("name")) for test in tests}
    return next(each for each in (name, *(f"{name} {n}" for n in range(2, 200))) if each not in taken)
