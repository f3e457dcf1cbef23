"""Classification of a failed message by state and error code: exactly one cause, unknown codes to “other”."""

from typing import Final

from app.bot.failures.catalog import CATALOGS, CAUSES, OTHER, WINDOW_CLOSED
from app.bot.states import UNCERTAIN_STATES, MessageState
from app.channels.error_catalog import ErrorCause


def classify_failure(state: str, code: str | None) -> ErrorCause:
    """Return the one cause of a failure with this state and error code."""
    if state in UNCERTAIN_STATES:
        return CAUSES[state]
    found = (catalog.find_cause(code or "") for catalog in CATALOGS)
    return CAUSES[next(filter(None, found), OTHER)]


def is_window_closed(code: str | None) -> bool:
    """Tell whether a failed send was a free-form message outside the channel's window."""
    return classify_failure(MessageState.FAILED, code).id == WINDOW_CLOSED


def _list_parking_codes() -> tuple[str, ...]:
    codes = [code for catalog in CATALOGS for code in catalog.by_code]
    codes += [str(number) for catalog in CATALOGS for family, _ in catalog.by_range for number in family]
    return tuple(
        code for code in codes if classify_failure(MessageState.FAILED, code).needs_connection_repair
    )


# Codes after which a message waits until its connection is repaired.
PARKING_CODES: Final = _list_parking_codes()
