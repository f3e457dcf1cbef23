"""Catalogue of failure causes: titles and remedies of every channel's and of the general ones."""

from collections.abc import Iterable, Mapping
from typing import Final

from app.channels.error_catalog import CauseScope, ErrorCatalog, ErrorCause
from app.channels.registry import list_error_catalogs

OTHER: Final = "other"
# The cause of a free-form message refused since the person has not written lately.
WINDOW_CLOSED: Final = "window"

GENERAL_CATALOG: Final = ErrorCatalog(
    causes=(
        ErrorCause(
            "setup",
            CauseScope.CONNECTION,
            "Connection misconfigured",
            "The connection’s own settings cannot work: its address, its secrets, or the number was removed.",
            "Open the connection",
            "connection",
        ),
        ErrorCause(
            "held",
            CauseScope.DECISION,
            "Held for an operator",
            "Delivery is unconfirmed and the connection asks an operator to decide. Check the chat first.",
            "Resolve each as arrived or not",
            "settle",
        ),
        ErrorCause(
            "brain",
            CauseScope.BRAIN,
            "Message could not be handled",
            "The brain could not be run on these messages after eight tries; nobody was answered.",
            "Look at the brain, then handle them again",
            "command",
        ),
        ErrorCause(
            "sandbox",
            CauseScope.BRAIN,
            "No room to run scripts",
            "No confined process was free for an hour, so these messages were not answered.",
            "See how the workers are",
            "dashboard",
        ),
        ErrorCause(
            OTHER,
            CauseScope.OTHER,
            "Other reasons",
            "Codes that Brainbox does not know; the channel’s own message is shown with each.",
            "Look at the chat",
            "chat",
        ),
        ErrorCause(
            "unknown",
            CauseScope.PENDING,
            "Delivery unconfirmed",
            "These may or may not have been accepted. A receipt resolves them; without one they are sent again.",
            "Nothing: wait for the receipt",
            "wait",
            is_retryable=False,
            needs_operator=False,
        ),
    ),
    by_code={
        "connection": "setup",
        "turn": "brain",
        "conflict": "brain",
        "sandbox": "sandbox",
        # A send that was held or lost before it failed says nothing else.
        "unknown": OTHER,
    },
)


def collect_causes(catalogs: Iterable[ErrorCatalog]) -> dict[str, ErrorCause]:
    """Return the causes of catalogues by id, in the order of their scopes; of one id the first stays."""
    found: dict[str, ErrorCause] = {}
    for catalog in catalogs:
        for cause in catalog.causes:
            found.setdefault(cause.id, cause)
    scopes = list(CauseScope)
    return {each.id: each for each in sorted(found.values(), key=lambda cause: scopes.index(cause.scope))}


CATALOGS: Final = (*list_error_catalogs(), GENERAL_CATALOG)
CAUSES: Final[Mapping[str, ErrorCause]] = collect_causes(CATALOGS)
