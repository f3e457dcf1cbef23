"""Command palette (Ctrl+K): search over pages, actions, brains, commands and chats; number of results."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin import palette_targets
from app.admin.palette_targets import PaletteEntry
from app.admin.ui.pages import is_allowed
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.bot.chats import finder
from app.bot.connections import store
from app.brains.document.gallery import load_samples
from app.brains.fuzzy import SAME, SCATTERED, SPREAD, WORD, Hit, SearchText, find_best, normalise
from app.brains.versions.catalogue import Catalogue, CatalogueBrain, CatalogueEntry
from app.immutable import immutable
from app.services import services
from app.web import db

blueprint = Blueprint("palette", __name__, url_prefix="/palette")

MAX_RESULTS = 8
QUERY_CHARS = 100
# So many letters of a page's name stand for it.
MIN_PREFIX_CHARS = 3

# By kind of a piece: the group's title, the icon, and the address with the argument that names the piece.
PIECES = {
    "command": ("Commands", "message", "commands.show_command", "command_id"),
    "prompt": ("Prompts", "wand", "prompts.show_prompt", "name"),
    "test": ("Tests", "circle-check", "tests.show_test", "number"),
    "version": ("Versions", "history", "publish.list_versions", "_anchor"),
}


@immutable
class Group:
    """Lines of the palette under one title; the smaller `rank`, the better its first line fits."""

    title: str
    entries: Sequence[PaletteEntry]
    rank: float


@blueprint.get("")
@require_right(Right.ACCOUNT)
def find() -> Response:
    """List what fits a few letters, the best first; without letters, where one may go from here."""
    query = request.args.get("q", "").strip()[:QUERY_CHARS]
    here = request.args.get("here", "")
    brains = _catalogue().list_brains(db.session()) if is_allowed("brains.show_workbench") else []
    brains.sort(key=lambda each: each.slug != here)
    groups = list(_groups(query, brains, here) if query else _build_start_groups(brains, here))
    return show("palette/page.html", "results", query=query, here=here, groups=groups)


def _catalogue() -> Catalogue:
    return services().get(Catalogue)


def _build_start_groups(brains: Sequence[CatalogueBrain], here: str) -> Iterator[Group]:
    for brain in brains[:1]:
        if brain.slug == here:
            yield Group(
                brain.title,
                [entry for _, entry in palette_targets.list_brain_targets(brain.slug, brain.title)],
                SAME,
            )
    yield Group("Pages", [entry for _, entry in palette_targets.list_pages()], SAME)
    yield Group("Actions", [entry for _, entry in palette_targets.list_actions()], SAME)


def _groups(query: str, brains: Sequence[CatalogueBrain], here: str) -> list[Group]:
    """Return the groups in which something fits, the best fitting first."""
    found = [
        _group("Actions", find_best(palette_targets.list_actions(), query, MAX_RESULTS)),
        _group("Pages", find_best(palette_targets.list_pages(), query, MAX_RESULTS)),
        *_search_brains(query, brains, here),
        _group("Analytics", list(_analytics(query, brains))),
        _group("Connections", find_best(_connections(), query, MAX_RESULTS)),
        _group("Chats", _chats(query)),
        _group("Sample brains", find_best(_samples(), query, MAX_RESULTS)),
    ]
    groups = sorted((group for group in found if group.entries), key=lambda group: group.rank)
    # Letters found scattered are a last resort, not company for a real find.
    return [group for group in groups if group.rank < SCATTERED or groups[0].rank >= SCATTERED]


def _search_brains(query: str, brains: Sequence[CatalogueBrain], here: str) -> Iterator[Group]:
    mine = [each for each in brains if each.slug == here]
    others = [each for each in brains if each.slug != here]
    for brain in mine:
        yield _group(
            brain.title,
            find_best(palette_targets.list_brain_targets(brain.slug, brain.title), query, MAX_RESULTS),
        )
    named = find_best(
        [(SearchText.from_text(each.title, (each.slug,)), each) for each in brains], query, MAX_RESULTS
    )
    inside = islice(_search_brain_pages(query, others), MAX_RESULTS)
    yield _group(
        "Brains", [*(Hit(_build_brain_entry(hit.item), hit.rank) for hit in named), *inside][:MAX_RESULTS]
    )
    for kind, (title, *_) in PIECES.items():
        near = find_best([each for brain in mine for each in brain.entries[kind]], query, MAX_RESULTS)
        far = find_best([each for brain in others for each in brain.entries[kind]], query, MAX_RESULTS)
        hits = sorted([*near, *far], key=lambda hit: hit.rank)[:MAX_RESULTS]
        yield _group(title, [Hit(_build_piece_entry(hit.item), hit.rank) for hit in hits])


def _search_brain_pages(query: str, brains: Sequence[CatalogueBrain]) -> Iterator[Hit[PaletteEntry]]:
    """Find the pages of other brains by both names: “support tests”."""
    tokens = normalise(query).split()
    for brain in brains:
        title = normalise(brain.title)
        left = [token for token in tokens if token not in title]
        if 0 < len(left) < len(tokens):
            for hit in find_best(
                palette_targets.list_brain_targets(brain.slug, brain.title), " ".join(left), MAX_RESULTS
            ):
                if hit.rank < SCATTERED:
                    yield Hit(hit.item, max(hit.rank, WORD))


def _analytics(query: str, brains: Sequence[CatalogueBrain]) -> Iterator[Hit[PaletteEntry]]:
    """Find the numbers of commands: “analytics echo”."""
    tokens = normalise(query).split()
    left = [token for token in tokens if len(token) < MIN_PREFIX_CHARS or not "analytics".startswith(token)]
    pieces = [piece for brain in brains for piece in brain.entries["command"]]
    for hit in find_best(pieces, " ".join(left), MAX_RESULTS) if 0 < len(left) < len(tokens) else ():
        if hit.rank < SCATTERED:
            at = url_for("analytics.show_command", slug=hit.item.slug, command_id=hit.item.key)
            yield Hit(
                PaletteEntry(f"Analytics of {hit.item.name}", "chart-bar", at, hit.item.brain), hit.rank
            )


def _build_brain_entry(brain: CatalogueBrain) -> PaletteEntry:
    return PaletteEntry(
        brain.title, "brain", url_for("brains.show_workbench", slug=brain.slug), "Live" if brain.live else ""
    )


def _build_piece_entry(piece: CatalogueEntry) -> PaletteEntry:
    _, icon, endpoint, argument = PIECES[piece.kind]
    values: dict[str, Any] = {argument: f"version-{piece.key}" if argument == "_anchor" else piece.key}
    hint = " · ".join(filter(None, (", ".join(piece.words)[:60], piece.brain)))
    return PaletteEntry(piece.name, icon, url_for(endpoint, slug=piece.slug, **values), hint)


def _connections() -> list[tuple[SearchText, PaletteEntry]]:
    if not is_allowed("connections.edit"):
        return []
    return [
        (
            SearchText.from_text(each.name, (each.account,)),
            PaletteEntry(
                each.name, "plug-connected", url_for("connections.edit", connection_id=each.id), each.account
            ),
        )
        for each in store.list_connections(db.session())
    ]


def _chats(query: str) -> list[Hit[PaletteEntry]]:
    found = [
        (SearchText.from_text(each.name, (each.handle, each.handle.lstrip("+"))), _build_chat_entry(each))
        for each in finder.find_chats(db.session(), query, MAX_RESULTS)
    ]
    hits = find_best(found, query, MAX_RESULTS)
    named = {hit.item for hit in hits}
    # A number typed with blanks was found by its digits.
    return hits + [Hit(jump, SPREAD) for _, jump in found if jump not in named]


def _build_chat_entry(chat: finder.FoundChat) -> PaletteEntry:
    hint = " · ".join(dict.fromkeys(filter(None, (chat.handle, chat.connection))))
    return PaletteEntry(chat.name, "message-circle", url_for("chats.show_chat", chat_id=chat.id), hint)


def _samples() -> list[tuple[SearchText, PaletteEntry]]:
    if not is_allowed("gallery.show_sample"):
        return []
    return [
        (
            SearchText.from_text(each.title, each.shows),
            PaletteEntry(each.title, "inbox", url_for("gallery.show_sample", sample=each.slug), each.summary),
        )
        for each in load_samples()
    ]


def _group(title: str, hits: Sequence[Hit[PaletteEntry]]) -> Group:
    return Group(title, [hit.item for hit in hits], min((hit.rank for hit in hits), default=0))
