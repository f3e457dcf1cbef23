"""View model of clusters of messages: wordings, likeliest intents, suggested name; texts hidden from some roles."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from app.bot.learning.misunderstood import MisunderstoodMessage, Reason
from app.brains.nlu.learning.clustering import build_clusters
from app.brains.nlu.learning.intent_names import suggest_name
from app.brains.nlu.models import MODELS
from app.immutable import immutable

SHOWN_WORDINGS: Final = 8  # of a cluster; the others are folded away
LIKELY_ENOUGH: Final = 0.3  # mean confidence from which an intent is offered before all else
_LIKELY: Final = 3
HIDDEN_TEXT: Final = "Hidden: your role may not read chats"
REASONS: Final = {
    Reason.UNKNOWN: ("No intent", "warn", "No intent was likely enough."),
    Reason.UNSURE: ("Not certain", "quiet", "An intent was accepted, just above the threshold."),
    Reason.DEFAULT: (
        "Default reply",
        "quiet",
        "The default reply answered: no model was asked, or no command takes the intent.",
    ),
}


@immutable
class WordingRow:
    """Messages that say nearly the same: the newest one's text and link, how many there are, their ids as a value."""

    text: str
    value: str
    count: int
    newest: MisunderstoodMessage
    is_simulated: bool


@immutable
class ClusterCard:
    """Cluster as it is shown; `key` names it on the page, `likely` are intents of the draft with mean confidences."""

    key: str
    rows: Sequence[WordingRow]
    count: int
    languages: Sequence[str]
    reasons: Sequence[tuple[str, str, str, int]]
    likely: Sequence[tuple[str, float]]
    suggested_name: str
    message_ids: Collection[int]


def build_cards(
    messages: Sequence[MisunderstoodMessage], draft: Mapping[str, Any], *, may_read: bool
) -> list[ClusterCard]:
    """Return clusters, the largest first, of one size the least certain first; texts only for who may read chats."""
    names = {str(each.get("name")) for each in draft.get("intents") or ()}
    settings = draft.get("settings") or {}
    encode = MODELS.find_encode(str(settings.get("encoder", "")))
    clusters = build_clusters([each.text for each in messages], encode)
    cards = []
    for cluster in clusters:
        wordings = [[messages[place] for place in places] for places in cluster]
        cards.append((_rate(wordings), _build_card(wordings, names, may_read=may_read)))
    return [card for _, card in sorted(cards, key=lambda each: each[0])]


def _rate(wordings: Sequence[Sequence[MisunderstoodMessage]]) -> tuple[int, float]:
    listed = [each.uncertainty for messages in wordings for each in messages]
    return -len(listed), -sum(listed) / len(listed)


def _build_card(
    wordings: Sequence[Sequence[MisunderstoodMessage]], names: Collection[str], *, may_read: bool
) -> ClusterCard:
    messages = [each for wording in wordings for each in wording]
    languages = Counter(each.language for each in messages if each.language)
    reasons = Counter(each.reason for each in messages)
    rows = [_build_row(wording, may_read=may_read) for wording in wordings]
    texts = [wording[0].text for wording in wordings] if may_read else []
    return ClusterCard(
        str(min(each.message_id for each in messages)),
        rows,
        len(messages),
        [name for name, _ in languages.most_common()],
        [(*REASONS[reason], count) for reason, count in reasons.most_common()],
        _find_likely(messages, names),
        suggest_name(texts, names),
        {each.message_id for each in messages},
    )


def _build_row(wording: Sequence[MisunderstoodMessage], *, may_read: bool) -> WordingRow:
    newest = max(wording, key=lambda each: each.message_id)
    return WordingRow(
        newest.text if may_read else HIDDEN_TEXT,
        ",".join(str(each.message_id) for each in wording),
        len(wording),
        newest,
        is_simulated=all(each.is_simulated for each in wording),
    )


def _find_likely(messages: Iterable[MisunderstoodMessage], names: Collection[str]) -> list[tuple[str, float]]:
    """Return the intents of the draft that the messages were likeliest to mean, with their mean confidence."""
    sums: dict[str, float] = {}
    count = 0
    for message in messages:
        count += 1
        for name, confidence in message.candidates:
            sums[name] = sums.get(name, 0.0) + confidence
    ranked = sorted(sums.items(), key=lambda each: (-each[1], each[0]))
    return [(name, round(total / count, 4)) for name, total in ranked if name in names][:_LIKELY]
