"""The command palette: every page, action, brain, command and chat by a few letters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from flask import Blueprint, current_app, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import jumps
from app.admin.answers import show
from app.admin.guard import needs
from app.admin.jumps import Jump
from app.bot import connections, finding
from app.brains.catalogue import Catalogue, Listed, Piece
from app.brains.gallery import samples
from app.brains.ranking import SAME, SCATTERED, SPREAD, WORD, Hit, Searched, best, plain
from app.web import db

blueprint = Blueprint("palette", __name__, url_prefix="/palette")

MOST = 8
QUERY_CHARS = 100
# So many letters of a page's name stand for it.
FEW = 3

# By kind of a piece: the group's title, the icon, and the address with the argument that names the piece.
PIECES = {
    "command": ("Commands", "message", "commands.command", "command_id"),
    "prompt": ("Prompts", "wand", "prompts.prompt", "name"),
    "test": ("Tests", "circle-check", "tests.case", "number"),
    "version": ("Versions", "history", "publishing.history", "_anchor"),
}


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of the palette under one title; the smaller `rank`, the better its first line fits."""

    title: str
    jumps: Sequence[Jump]
    rank: float


@blueprint.get("")
@needs(Role.VIEWER)
def find() -> Response:
    """List what fits a few letters, the best first; without letters, where one may go from here."""
    query = request.args.get("q", "").strip()[:QUERY_CHARS]
    here = request.args.get("here", "")
    brains = _catalogue().look(db.session())
    brains.sort(key=lambda each: each.slug != here)
    groups = list(_groups(query, brains, here) if query else _first(brains, here))
    return show("palette/page.html", "results", query=query, here=here, groups=groups)


def _catalogue() -> Catalogue:
    return current_app.extensions.setdefault("catalogue", Catalogue())


def _first(brains: Sequence[Listed], here: str) -> Iterator[Group]:
    for brain in brains[:1]:
        if brain.slug == here:
            yield Group(brain.title, [jump for _, jump in jumps.of_brain(brain.slug, brain.title)], SAME)
    yield Group("Pages", [jump for _, jump in jumps.of_pages()], SAME)
    yield Group("Actions", [jump for _, jump in jumps.of_actions()], SAME)


def _groups(query: str, brains: Sequence[Listed], here: str) -> list[Group]:
    """Return the groups in which something fits, the best fitting first."""
    found = [
        _group("Actions", best(jumps.of_actions(), query, MOST)),
        _group("Pages", best(jumps.of_pages(), query, MOST)),
        *_of_brains(query, brains, here),
        _group("Analytics", list(_analytics(query, brains))),
        _group("Connections", best(_connections(), query, MOST)),
        _group("Chats", _chats(query)),
        _group("Sample brains", best(_samples(), query, MOST)),
    ]
    groups = sorted((group for group in found if group.jumps), key=lambda group: group.rank)
    # Letters found scattered are a last resort, not company for a real find.
    return [group for group in groups if group.rank < SCATTERED or groups[0].rank >= SCATTERED]


def _of_brains(query: str, brains: Sequence[Listed], here: str) -> Iterator[Group]:
    mine = [each for each in brains if each.slug == here]
    others = [each for each in brains if each.slug != here]
    for brain in mine:
        yield _group(brain.title, best(jumps.of_brain(brain.slug, brain.title), query, MOST))
    named = best([(Searched.of(each.title, (each.slug,)), each) for each in brains], query, MOST)
    inside = islice(_inside(query, others), MOST)
    yield _group("Brains", [*(Hit(_of_brain(hit.thing), hit.rank) for hit in named), *inside][:MOST])
    for kind, (title, *_) in PIECES.items():
        near = best([each for brain in mine for each in brain.pieces[kind]], query, MOST)
        far = best([each for brain in others for each in brain.pieces[kind]], query, MOST)
        hits = sorted([*near, *far], key=lambda hit: hit.rank)[:MOST]
        yield _group(title, [Hit(_of_piece(hit.thing), hit.rank) for hit in hits])


def _inside(query: str, brains: Sequence[Listed]) -> Iterator[Hit[Jump]]:
    """Find the pages of other brains by both names: “support tests”."""
    tokens = plain(query).split()
    for brain in brains:
        title = plain(brain.title)
        left = [token for token in tokens if token not in title]
        if 0 < len(left) < len(tokens):
            for hit in best(jumps.of_brain(brain.slug, brain.title), " ".join(left), MOST):
                if hit.rank < SCATTERED:
                    yield Hit(hit.thing, max(hit.rank, WORD))


def _analytics(query: str, brains: Sequence[Listed]) -> Iterator[Hit[Jump]]:
    """Find the numbers of commands: “analytics echo”."""
    tokens = plain(query).split()
    left = [token for token in tokens if len(token) < FEW or not "analytics".startswith(token)]
    pieces = [piece for brain in brains for piece in brain.pieces["command"]]
    for hit in best(pieces, " ".join(left), MOST) if 0 < len(left) < len(tokens) else ():
        if hit.rank < SCATTERED:
            at = url_for("analytics.command", slug=hit.thing.slug, command_id=hit.thing.key)
            yield Hit(Jump(f"Analytics of {hit.thing.name}", "chart-bar", at, hit.thing.brain), hit.rank)


def _of_brain(brain: Listed) -> Jump:
    return Jump(
        brain.title, "brain", url_for("brains.workbench", slug=brain.slug), "Live" if brain.live else ""
    )


def _of_piece(piece: Piece) -> Jump:
    _, icon, endpoint, argument = PIECES[piece.kind]
    values: dict[str, Any] = {argument: f"version-{piece.key}" if argument == "_anchor" else piece.key}
    hint = " · ".join(filter(None, (", ".join(piece.words)[:60], piece.brain)))
    return Jump(piece.name, icon, url_for(endpoint, slug=piece.slug, **values), hint)


def _connections() -> list[tuple[Searched, Jump]]:
    if not jumps.allowed("connections.edit"):
        return []
    return [
        (
            Searched.of(each.name, (each.account,)),
            Jump(
                each.name, "plug-connected", url_for("connections.edit", connection_id=each.id), each.account
            ),
        )
        for each in connections.list_connections(db.session())
    ]


def _chats(query: str) -> list[Hit[Jump]]:
    found = [
        (Searched.of(each.name, (each.handle, each.handle.lstrip("+"))), _of_chat(each))
        for each in finding.find_chats(db.session(), query, MOST)
    ]
    hits = best(found, query, MOST)
    named = {hit.thing for hit in hits}
    # A number typed with blanks was found by its digits.
    return hits + [Hit(jump, SPREAD) for _, jump in found if jump not in named]


def _of_chat(chat: finding.FoundChat) -> Jump:
    hint = " · ".join(dict.fromkeys(filter(None, (chat.handle, chat.connection))))
    return Jump(chat.name, "message-circle", url_for("chats.chat", chat_id=chat.id), hint)


def _samples() -> list[tuple[Searched, Jump]]:
    return [
        (
            Searched.of(each.title, each.shows),
            Jump(each.title, "inbox", url_for("gallery.sample", sample=each.slug), each.summary),
        )
        for each in samples()
    ]


def _group(title: str, hits: Sequence[Hit[Jump]]) -> Group:
    return Group(title, [hit.thing for hit in hits], min((hit.rank for hit in hits), default=0))
