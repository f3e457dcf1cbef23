"""Learning page of a brain: messages it did not understand, in clusters, added to intents, left out or ignored."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from flask import abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.learning.cluster_view import LIKELY_ENOUGH, SHOWN_WORDINGS, build_cards
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import require_right
from app.admin.workbench import drafts, undo
from app.admin.workbench.view_model import Workbench, render_workbench
from app.bot.learning import ignored
from app.bot.learning.misunderstood import DAYS, MisunderstoodCounts, list_misunderstood
from app.brains import limits
from app.brains.document.edits.added_examples import (
    AddedExamples,
    IntentEditRefused,
    add_examples,
    add_not_intents,
    list_not_intents,
)
from app.brains.versions.models import Brain
from app.request_input import read_page
from app.services import services
from app.text import parse_ids
from app.web import db

blueprint = PageBlueprint(
    "learning",
    __name__,
    url_prefix="/brains/<slug>/learning",
    section="brains",
    targets=(
        Target(
            "list_clusters",
            "help-circle",
            "Learning",
            ("misunderstood", "not understood", "intents", "clusters", "train", "improve"),
            group=TargetGroup.BRAIN_PAGE,
            order=65,
        ),
    ),
)

PAGE_CLUSTERS: Final = 20
_MOST_IDS: Final = 5_000
_NO_CHOICE: Final = "Choose at least one message."


@blueprint.get("/")
@require_right(Right.READ_BRAINS)
def list_clusters(slug: str) -> Response:
    """List what was not understood, or what was ignored of it."""
    return _show_clusters(drafts.get_brain_or_404(slug))


@blueprint.post("/add")
@require_right(Right.WRITE_BRAINS)
def add_to_intent(slug: str) -> Response:
    """Add the chosen messages to an intent that is there."""
    brain = _get_brain(slug)
    name = (request.form.get("intent") or request.form.get("other") or "").strip()
    if name not in {str(each.get("name")) for each in brain.draft.get("intents") or ()}:
        wrong = f"There is no intent “{name[:60]}”. Choose one of the list." if name else "Choose an intent."
        return _show_clusters(brain, wrong_field="other", wrong=wrong)
    return _change(brain, "other", lambda draft, texts: _add(draft, name, texts), f"added to “{name}”")


@blueprint.post("/fields")
@require_right(Right.WRITE_BRAINS)
def submit_fields(slug: str) -> Response:
    """Do what Enter in a field asks for: add to the intent searched for, or make the one that is named."""
    return add_to_intent(slug) if request.form.get("other", "").strip() else create_intent(slug)


@blueprint.post("/new")
@require_right(Right.WRITE_BRAINS)
def create_intent(slug: str) -> Response:
    """Make an intent of the chosen messages."""
    brain = _get_brain(slug)
    name = request.form.get("name", "").strip()
    if name in {str(each.get("name")) for each in brain.draft.get("intents") or ()}:
        wrong = f"There is an intent “{name}” already. Write another name, or add the messages to it."
        return _show_clusters(brain, wrong_field="name", wrong=wrong)
    done = f"added to the new intent “{name}”. A command with the trigger Intent answers it"
    return _change(brain, "name", lambda draft, texts: _add(draft, name, texts), done)


@blueprint.post("/none")
@require_right(Right.WRITE_BRAINS)
def add_to_none(slug: str) -> Response:
    """Add the chosen messages to those that mean none of the intents."""

    def edit(draft: drafts.Document, texts: Sequence[str]) -> tuple[drafts.Document, AddedExamples]:
        found = add_not_intents(draft, texts)
        return {**draft, "not_intents": [*list_not_intents(draft), *found.added]}, found

    return _change(_get_brain(slug), "none", edit, "not for the bot: trained as meaning none of the intents")


@blueprint.post("/ignore")
@require_right(Right.WRITE_BRAINS)
def mark_ignored(slug: str) -> Response:
    """Hide the chosen messages until somebody asks for them."""
    brain = _get_brain(slug)
    chosen = sorted(_choose_texts(brain))
    if not chosen:
        return _show_clusters(brain, wrong_field="none", wrong=_NO_CHOICE)
    brain_id, now = brain.id, services().clock()
    count = services().database.write(lambda session: ignored.mark_ignored(session, brain_id, chosen, now))
    if count:
        address = url_for("learning.restore", slug=slug)
        responses.flash_undo(f"{_count_messages(count)} ignored.", address, ",".join(map(str, chosen)))
    return redirect(url_for("learning.list_clusters", slug=slug))


@blueprint.post("/restore")
@require_right(Right.WRITE_BRAINS)
def restore(slug: str) -> Response:
    """List ignored messages again."""
    brain = _get_brain(slug)
    brain_id, chosen = (
        brain.id,
        _parse_ids([*request.form.getlist("value"), *request.form.getlist("message")]),
    )
    count = services().database.write(lambda session: ignored.restore(session, brain_id, chosen))
    responses.flash_notice(f"{_count_messages(count)} listed again." if count else _NO_CHOICE)
    return redirect(url_for("learning.list_clusters", slug=slug))


def _get_brain(slug: str) -> Brain:
    """Return the brain for who may also read the texts: whoever adds them to the draft sees them there."""
    if not current_user.has_right(Right.READ_CHATS):
        abort(403, Right.READ_CHATS)
    return drafts.get_brain_or_404(slug)


Edit = Callable[[drafts.Document, Sequence[str]], tuple[drafts.Document, AddedExamples]]


def _add(draft: drafts.Document, name: str, texts: Sequence[str]) -> tuple[drafts.Document, AddedExamples]:
    found = add_examples(draft.get("intents") or (), name, texts)
    return {**draft, "intents": found.intents}, found


def _change(brain: Brain, field: str, edit: Edit, done: str) -> Response:
    """Change the draft by the chosen messages and tell what was done, with the way back."""
    texts = list(_choose_texts(brain).values())
    if not texts:
        return _show_clusters(brain, wrong_field=field, wrong=_NO_CHOICE)
    results: list[AddedExamples] = []

    def apply(draft: drafts.Document) -> drafts.Document:
        changed, found = edit(draft, texts)
        results[:] = [found]
        return changed

    try:
        change = drafts.change_at(brain.slug, None, apply)
    except IntentEditRefused as error:
        return _show_clusters(drafts.get_brain_or_404(brain.slug), wrong_field=field, wrong=str(error))
    undo.notify(_describe(results[0], done), brain.slug, change)
    return redirect(url_for("learning.list_clusters", slug=brain.slug))


def _describe(found: AddedExamples, done: str) -> str:
    words = [f"{_count_messages(len(found.added), 'wording')} {done}."]
    if found.duplicates:
        named = "”, “".join(sorted({owner or "not for the bot" for _, owner in found.duplicates})[:3])
        words.append(f"{_count_messages(len(found.duplicates), 'wording')} there already (“{named}”).")
    if found.left_out:
        most = limits.INTENT_EXAMPLES
        words.append(f"{_count_messages(len(found.left_out), 'wording')} left out: there is room for {most}.")
    return " ".join(words)


def _count_messages(count: int, word: str = "message") -> str:
    return f"{count:,} {word}{'s' if count != 1 else ''}"


def _choose_texts(brain: Brain) -> Mapping[int, str]:
    """Return the ticked messages that are listed, with their texts; those of other brains never are."""
    chosen = set(_parse_ids(request.form.getlist("message")))
    listed = list_misunderstood(db.session(), brain, services().clock())
    return {each.message_id: each.text for each in listed if each.message_id in chosen}


def _parse_ids(values: Sequence[str]) -> list[int]:
    """Return message ids, given as numbers separated by commas."""
    return parse_ids([part for value in values for part in value.split(",")][:_MOST_IDS])


def _show_clusters(brain: Brain, *, wrong_field: str = "", wrong: str = "") -> Response:
    is_archive = request.args.get("show") == "ignored"
    session, now = db.session(), services().clock()
    may_read = current_user.has_right(Right.READ_CHATS)
    messages = list_misunderstood(session, brain, now, ignored=is_archive)
    if not is_archive:
        services().get(MisunderstoodCounts).keep(session, brain, len(messages), now)
    cards = build_cards(messages, brain.draft, may_read=may_read)
    page = read_page()
    return render_workbench(
        Workbench(brain, "learning"),
        status=422 if wrong else 200,
        cards=cards[(page - 1) * PAGE_CLUSTERS : page * PAGE_CLUSTERS],
        total=len(messages),
        cluster_count=len(cards),
        page=page,
        pages=-(-len(cards) // PAGE_CLUSTERS),
        is_archive=is_archive,
        ignored_count=ignored.count_ignored(session, brain.id),
        may_read=may_read,
        may_change=may_read and current_user.has_right(Right.WRITE_BRAINS),
        intent_names=[str(each.get("name")) for each in brain.draft.get("intents") or ()],
        days=DAYS,
        shown_wordings=SHOWN_WORDINGS,
        LIKELY_ENOUGH=LIKELY_ENOUGH,
        wrong_field=wrong_field,
        wrong=wrong,
        typed=request.form,
        ticked=set(request.form.getlist("message")) if wrong else None,
    )
