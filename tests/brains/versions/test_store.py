import pytest
from sqlalchemy.orm import Session

from app.brains.document.gallery import build_demo_document
from app.brains.document.validation import find_problems
from app.brains.versions import slugs, store

DAY = 86_400_000


@pytest.fixture
def session(database):
    with Session(database.engine) as opened:
        yield opened


@pytest.fixture
def draft_brain(session):
    return store.create_brain(session, "support", "Support desk", build_demo_document(), 1_000)


def build_review(brain):
    return store.DraftReview(find_problems(brain.draft), brain.draft_rev)


def build_changed_document(text):
    document = build_demo_document()
    document["commands"][0]["action"] = {"kind": "reply", "template": text}
    return document


def test_a_new_brain_is_a_draft_under_its_own_name(session, draft_brain):
    assert (draft_brain.draft_rev, draft_brain.live_version_id, draft_brain.draft["brain"]) == (
        1,
        None,
        "support",
    )
    assert store.get_brain(session, draft_brain.id) is draft_brain
    assert store.find_brain(session, "support") is draft_brain


def test_a_short_name_is_taken_once(session, draft_brain):
    with pytest.raises(store.SlugConflict):
        store.create_brain(session, draft_brain.slug, "Other", build_demo_document(), 1)


@pytest.mark.parametrize(
    ("title", "slug"),
    [("Support desk", "support-desk"), ("Café été", "cafe-ete"), ("日本", "brain"), ("x" * 99, "x" * 54)],
)
def test_a_short_name_comes_from_the_title(session, title, slug):
    assert slugs.find_free_slug(session, title) == slug


def test_a_short_name_that_is_taken_gets_a_number(session, draft_brain):
    assert slugs.find_free_slug(session, draft_brain.slug.title()) == "support-2"


def test_an_unknown_brain_is_an_error_in_words(session):
    with pytest.raises(store.BrainNotFound):
        store.get_brain(session, 404)


def test_saving_counts_up_and_keeps_right_and_wrong_drafts(session, draft_brain):
    assert store.save_draft(session, draft_brain.id, build_changed_document("a"), 1, 2_000) == 2
    assert store.save_draft(session, draft_brain.id, {"title": "New title", "commands": "?"}, 2, 3_000) == 3
    assert (draft_brain.title, draft_brain.updated_at, draft_brain.slug) == ("New title", 3_000, "support")
    assert draft_brain.draft == {"title": "New title", "commands": "?", "brain": "support"}


def test_a_save_on_an_old_draft_is_refused_with_both_counts(session, draft_brain):
    store.save_draft(session, draft_brain.id, build_changed_document("theirs"), 1, 2_000)
    with pytest.raises(store.DraftConflict) as caught:
        store.save_draft(session, draft_brain.id, build_changed_document("mine"), 1, 2_001)
    assert (caught.value.based_on_rev, caught.value.current_rev) == (1, 2)
    assert draft_brain.draft["commands"][0]["action"]["template"] == "theirs"


def test_publishing_makes_versions_that_never_change(session, draft_brain):
    first = store.publish(session, draft_brain.id, "first", None, 2_000, build_review(draft_brain))
    store.save_draft(session, draft_brain.id, build_changed_document("b"), 1, 3_000)
    second = store.publish(session, draft_brain.id, "second", None, 4_000, build_review(draft_brain))
    assert [version.number for version in store.list_versions(session, draft_brain.id)] == [2, 1]
    assert store.find_live_version(session, draft_brain) is second
    assert first.document["commands"][0] == build_demo_document()["commands"][0]
    assert first.hash != second.hash


def test_publishing_the_same_content_changes_nothing(session, draft_brain):
    first = store.publish(session, draft_brain.id, "first", None, 2_000, build_review(draft_brain))
    assert store.publish(session, draft_brain.id, "again", None, 3_000, build_review(draft_brain)) is first
    assert len(store.list_versions(session, draft_brain.id)) == 1


def test_a_draft_with_problems_is_not_published(session, draft_brain):
    store.save_draft(session, draft_brain.id, {"title": "x"}, 1, 2_000)
    with pytest.raises(store.UnpublishableDraft) as caught:
        store.publish(session, draft_brain.id, "", None, 3_000, build_review(draft_brain))
    assert caught.value.problems
    assert draft_brain.live_version_id is None


def test_rolling_back_puts_an_old_version_live_and_leaves_the_draft(session, draft_brain):
    first = store.publish(session, draft_brain.id, "", None, 2_000, build_review(draft_brain))
    store.save_draft(session, draft_brain.id, build_changed_document("b"), 1, 3_000)
    store.publish(session, draft_brain.id, "", None, 4_000, build_review(draft_brain))
    assert store.rollback(session, draft_brain.id, 1, None, 5_000) is first
    assert store.find_live_version(session, draft_brain) is first
    assert draft_brain.draft["commands"][0]["action"]["template"] == "b"
    with pytest.raises(store.BrainNotFound):
        store.rollback(session, draft_brain.id, 9, None, 6_000)


def test_publishing_after_a_rollback_goes_on_counting(session, draft_brain):
    store.publish(session, draft_brain.id, "", None, 2_000, build_review(draft_brain))
    store.save_draft(session, draft_brain.id, build_changed_document("b"), 1, 3_000)
    store.publish(session, draft_brain.id, "", None, 4_000, build_review(draft_brain))
    store.rollback(session, draft_brain.id, 1, None, 5_000)
    assert store.publish(session, draft_brain.id, "", None, 6_000, build_review(draft_brain)).number == 3


def test_the_list_is_searched_and_leaves_archived_brains_out(session, draft_brain):
    other = store.create_brain(session, "sales", "100% sales_team", build_demo_document(), 2_000)
    assert store.list_brains(session) == [other, draft_brain]
    assert store.list_brains(session, "DESK") == [draft_brain]
    assert store.list_brains(session, "0% S") == [other]
    assert store.list_brains(session, "_") == [other]
    assert store.list_brains(session, limit=1, offset=1) == [draft_brain]
    store.archive(session, draft_brain.id, 3_000)
    assert store.list_brains(session) == [other]
    assert store.list_brains(session, archived=True) == [draft_brain]
    assert (store.count_brains(session), store.count_brains(session, archived=True)) == (1, 1)


def test_an_archived_brain_comes_back_for_thirty_days(session, draft_brain):
    store.archive(session, draft_brain.id, 0)
    assert store.restore(session, draft_brain.id, 30 * DAY).archived_at is None
    store.archive(session, draft_brain.id, 0)
    with pytest.raises(store.ExpiredArchive):
        store.restore(session, draft_brain.id, 30 * DAY + 1)


def test_a_draft_that_was_saved_after_its_review_is_not_published(session, draft_brain):
    early = build_review(draft_brain)
    store.save_draft(session, draft_brain.id, build_changed_document("later"), 1, 2_000)
    with pytest.raises(store.UnpublishableDraft) as refused:
        store.publish(session, draft_brain.id, "", None, 3_000, early)
    assert "a moment ago" in refused.value.problems[0].message
    assert draft_brain.live_version_id is None
