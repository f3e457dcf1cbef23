"""The gallery page: samples found, looked at, and taken as brains of one's own."""

from typing import Any

from app.accounts.roles import Role
from app.brains.document.gallery import load_samples
from app.brains.versions import store
from app.services import Services
from tests.admin.browser import Browser


def test_the_gallery_lists_every_sample_and_searches(owner: Browser):
    page = owner.get("/brains/gallery/").text
    assert all(each.title in page for each in load_samples())
    found = owner.get("/brains/gallery/?q=weather", htmx=True).text
    assert "Weather" in found
    assert "Quiz" not in found
    assert "Nothing matches" in owner.get("/brains/gallery/?q=zzz").text
    assert "/brains/gallery/" in owner.get("/brains/").text


def test_the_gallery_is_narrowed_by_category(owner: Browser):
    page = owner.get("/brains/gallery/?category=Games", htmx=True).text
    names = [each.title for each in load_samples() if f">{each.title}</a></h2>" in page]
    assert names == ["Guess the number", "Quiz"]
    assert page.count('aria-current="true"') == 1
    searched = owner.get("/brains/gallery/?category=Games&q=buttons", htmx=True).text
    assert ">Quiz</a></h2>" in searched
    assert ">Guess the number</a></h2>" not in searched
    assert "Nothing matches" in owner.get("/brains/gallery/?category=Nothing", htmx=True).text


def test_a_sample_becomes_a_brain_of_its_own_as_often_as_wanted(owner: Browser, services: Services):
    assert "# Quiz:" in owner.get("/brains/gallery/quiz").text
    assert owner.post("/brains/gallery/quiz").location.endswith("/brains/quiz")
    assert owner.post("/brains/gallery/quiz").location.endswith("/brains/quiz-2")
    with services.database.read() as session:
        made = store.find_brain(session, "quiz")
    assert made
    assert len(made.draft["tests"]) == 3
    assert made.live_version_id is None
    assert "3 of 3 passed" in owner.get("/brains/quiz/tests/?run=yes").text
    owner.post("/brains/quiz/publish")
    assert "Version 1 is live" in owner.get("/brains/quiz").text


def test_a_viewer_looks_and_an_unknown_sample_is_nowhere(sign_in: Any):
    viewer = sign_in(Role.VIEWER)
    assert "Use this" not in viewer.get("/brains/gallery/").text
    assert viewer.post("/brains/gallery/quiz").status_code == 403
    assert viewer.get("/brains/gallery/nothing").status_code == 404
