import pytest
from sqlalchemy.orm import Session

from app.brains import versions
from app.brains.gallery import demo_document
from app.brains.problems import problems

DAY = 86_400_000


@pytest.fixture
def session(database):
    with Session(database.engine) as opened:
        yield opened


@pytest.fixture
def made(session):
    return versions.create_brain(session, "support", "Support desk", demo_document(), 1_000)


def changed(text):
    document = demo_document()
    document["commands"][0]["action"] = {"kind": "reply", "template": text}
    return document


def test_a_new_brain_is_a_draft_under_its_own_name(session, made):
    assert (made.draft_rev, made.live_version_id, made.draft["brain"]) == (1, None, "support")
    assert versions.get_brain(session, made.id) is made
    assert versions.find_brain(session, "support") is made


def test_a_short_name_is_taken_once(session, made):
    with pytest.raises(versions.SlugTaken):
        versions.create_brain(session, made.slug, "Other", demo_document(), 1)


@pytest.mark.parametrize(
    ("title", "slug"),
    [("Support desk", "support-desk"), ("Café été", "cafe-ete"), ("日本", "brain"), ("x" * 99, "x" * 54)],
)
def test_a_short_name_comes_from_the_title(session, title, slug):
    assert versions.unique_slug(session, title) == slug


def test_a_short_name_that_is_taken_gets_a_number(session, made):
    assert versions.unique_slug(session, made.slug.title()) == "support-2"


def test_an_unknown_brain_is_an_error_in_words(session):
    with pytest.raises(versions.BrainNotFound):
        versions.get_brain(session, 404)


def test_saving_counts_up_and_keeps_right_and_wrong_drafts(session, made):
    assert versions.save_draft(session, made.id, changed("a"), 1, 2_000) == 2
    assert versions.save_draft(session, made.id, {"title": "New title", "commands": "?"}, 2, 3_000) == 3
    assert (made.title, made.updated_at, made.slug) == ("New title", 3_000, "support")
    assert made.draft == {"title": "New title", "commands": "?", "brain": "support"}


def test_a_save_on_an_old_draft_is_refused_with_both_counts(session, made):
    versions.save_draft(session, made.id, changed("theirs"), 1, 2_000)
    with pytest.raises(versions.DraftConflict) as caught:
        versions.save_draft(session, made.id, changed("mine"), 1, 2_001)
    assert (caught.value.yours, caught.value.theirs) == (1, 2)
    assert made.draft["commands"][0]["action"]["template"] == "theirs"


def test_publishing_makes_versions_that_never_change(session, made):
    first = versions.publish(session, made.id, "first", None, 2_000, problems)
    versions.save_draft(session, made.id, changed("b"), 1, 3_000)
    second = versions.publish(session, made.id, "second", None, 4_000, problems)
    assert [version.number for version in versions.versions(session, made.id)] == [2, 1]
    assert versions.live_version(session, made) is second
    assert first.document["commands"][0] == demo_document()["commands"][0]
    assert first.hash != second.hash


def test_publishing_the_same_content_changes_nothing(session, made):
    first = versions.publish(session, made.id, "first", None, 2_000, problems)
    assert versions.publish(session, made.id, "again", None, 3_000, problems) is first
    assert len(versions.versions(session, made.id)) == 1


def test_a_draft_with_problems_is_not_published(session, made):
    versions.save_draft(session, made.id, {"title": "x"}, 1, 2_000)
    with pytest.raises(versions.NotPublishable) as caught:
        versions.publish(session, made.id, "", None, 3_000, problems)
    assert caught.value.problems
    assert made.live_version_id is None


def test_rolling_back_puts_an_old_version_live_and_leaves_the_draft(session, made):
    first = versions.publish(session, made.id, "", None, 2_000, problems)
    versions.save_draft(session, made.id, changed("b"), 1, 3_000)
    versions.publish(session, made.id, "", None, 4_000, problems)
    assert versions.rollback(session, made.id, 1, None, 5_000) is first
    assert versions.live_version(session, made) is first
    assert made.draft["commands"][0]["action"]["template"] == "b"
    with pytest.raises(versions.BrainNotFound):
        versions.rollback(session, made.id, 9, None, 6_000)


def test_publishing_after_a_rollback_goes_on_counting(session, made):
    versions.publish(session, made.id, "", None, 2_000, problems)
    versions.save_draft(session, made.id, changed("b"), 1, 3_000)
    versions.publish(session, made.id, "", None, 4_000, problems)
    versions.rollback(session, made.id, 1, None, 5_000)
    assert versions.publish(session, made.id, "", None, 6_000, problems).number == 3


def test_the_list_is_searched_and_leaves_archived_brains_out(session, made):
    other = versions.create_brain(session, "sales", "100% sales_team", demo_document(), 2_000)
    assert versions.list_brains(session) == [other, made]
    assert versions.list_brains(session, "DESK") == [made]
    assert versions.list_brains(session, "0% S") == [other]
    assert versions.list_brains(session, "_") == [other]
    assert versions.list_brains(session, limit=1, offset=1) == [made]
    versions.archive(session, made.id, 3_000)
    assert versions.list_brains(session) == [other]
    assert versions.list_brains(session, archived=True) == [made]
    assert (versions.count_brains(session), versions.count_brains(session, archived=True)) == (1, 1)


def test_an_archived_brain_comes_back_for_thirty_days(session, made):
    versions.archive(session, made.id, 0)
    assert versions.restore(session, made.id, 30 * DAY).archived_at is None
    versions.archive(session, made.id, 0)
    with pytest.raises(versions.ArchiveExpired):
        versions.restore(session, made.id, 30 * DAY + 1)
