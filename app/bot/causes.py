"""Which class of failure an error code belongs to: exactly one each (specs: whatsapp A13), unknown codes to “other”."""

from collections.abc import Mapping
from typing import Final

from app.bot.cause_table import CAUSES, Cause

__all__ = ["CAUSES", "PARKING", "Cause", "cause_of"]

_CODES: Final[Mapping[str, tuple[int | str, ...]]] = {
    "token": (0, 104, 190, "vault"),
    "permission": (3, 10, 131005),
    "locked": (368, 131031),
    "payment": (131042, 131044, 134011),
    "quality": (131048,),
    "unregistered": (33, 131045, 133005, 133006, 133008, 133009, 133010, 133015, 133016),
    "display_name": (131037,),
    "setup": (136024, 136025, "connection", "graph_url"),
    "refused_content": (100, 131008, 131009, 135000, "content"),
    "template_missing": (132001,),
    "template_paused": (131063, 132007, 132015, 132016),
    "template_values": (131062, 132000, 132005, 132008, 132012, 132018),
    "file": (131053, "media", "media_type", "media_too_large", "media_damaged"),
    "file_gone": (131052, "media_gone", "media_expired", "media_unreachable", "media_refused", "media_host"),
    "unsupported": (131051,),
    "flow": (132068, 132069),
    "window": (131047,),
    "unreachable_person": (131026,),
    "opted_out": (131050,),
    "address": (131021, 137000, "no_address"),
    "country": (130497,),
    "test_number": (131030,),
    "group": (131020, 131041, 131059),
    "withheld": (130472, 131049),
    "rate": (4, 17, 613, 80007, 130429, 131208, "http_429"),
    "pair": (131056,),
    "reach": (131064,),
    "meta_down": (1, 2, 131000, 131016, 131057, 133000, 133004),
    "network": ("unreachable",),
    "brain": ("turn", "conflict"),
    "sandbox": ("sandbox",),
    "unknown": ("unknown",),
}
BY_CODE: Final[Mapping[str, str]] = {str(code): name for name, codes in _CODES.items() for code in codes}
# First and last code of families that are listed as one.
_FAMILIES: Final = (
    (range(200, 300), "permission"),
    (range(131200, 131300), "group"),
    (range(138000, 139000), "feature"),
    (range(139000, 140000), "flow"),
    (range(147000, 148000), "feature"),
)


def cause_of(state: str, code: str | None) -> Cause:
    """Return the one cause of a failure with this state and error code."""
    if state in {"held", "unknown"}:
        return CAUSES[state]
    return CAUSES[_by_code(code or "")]


def _by_code(code: str) -> str:
    if code in BY_CODE:
        # A send that was held or lost before it failed says nothing else.
        return "other" if code == "unknown" else BY_CODE[code]
    if code.isdecimal() and len(code) <= 9:
        return next((name for family, name in _FAMILIES if int(code) in family), "other")
    if code.startswith("http_5"):
        return "meta_down"
    return "setup" if code.startswith("http_3") else "other"


# Codes after which a message waits until its connection is repaired.
PARKING: Final = tuple(
    code
    for code in (*BY_CODE, *(str(number) for family, _ in _FAMILIES for number in family))
    if cause_of("failed", code).parks
)
