"""Choice of the version that answers a chat: live, canary candidate, or the session's; largest percentage."""

from hashlib import blake2b
from typing import Final

from app.immutable import immutable

BASE: Final = "base"
CANDIDATE: Final = "candidate"
CANARY: Final = "canary"
SHADOW: Final = "shadow"
PROMOTED: Final = "promoted"
REVERTED: Final = "reverted"
STOPPED: Final = "stopped"
# Why a version answers, where it is not simply the live one.
SESSION: Final = "session"

MAX_PERCENT: Final = 90
_BASIS_POINTS: Final = 10_000


@immutable
class VersionOffer:
    """Versions a connection's brain offers: the live one and, in a canary, the candidate."""

    brain_id: int | None = None
    live: int | None = None
    candidate: int | None = None
    percent: int = 0
    rollout_id: int | None = None
    epoch: int = 0


@immutable
class VersionPin:
    """Version a conversation began with, valid until `expires_at` (ms)."""

    version_id: int | None = None
    brain_id: int | None = None
    epoch: int = 0
    expires_at: int = 0


@immutable
class VersionChoice:
    """Chosen version with its reason: empty for the live one; `variant` is empty where nothing is compared."""

    version_id: int | None = None
    reason: str = ""
    variant: str = ""
    rollout_id: int | None = None
    epoch: int = 0


def compute_position(rollout_id: int, chat_id: int) -> int:
    """Return the position of a chat in a rollout (basis points), the same in every process."""
    digest = blake2b(f"{rollout_id}:{chat_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % _BASIS_POINTS


def choose_version(offer: VersionOffer, pin: VersionPin, chat_id: int, now: int) -> VersionChoice:
    """Choose the version for a message of a chat; `now` in ms."""
    if offer.live is None:
        return VersionChoice()
    if pin.expires_at > now and (pin.brain_id, pin.epoch) == (offer.brain_id, offer.epoch):
        began = pin.version_id != offer.live
        variant = "" if began or offer.rollout_id is None else BASE
        return VersionChoice(pin.version_id, SESSION if began else "", variant, offer.rollout_id, offer.epoch)
    if offer.rollout_id is None:
        return VersionChoice(offer.live, epoch=offer.epoch)
    if offer.candidate is not None and compute_position(offer.rollout_id, chat_id) < offer.percent * 100:
        return VersionChoice(offer.candidate, CANDIDATE, CANDIDATE, offer.rollout_id, offer.epoch)
    return VersionChoice(offer.live, "", BASE, offer.rollout_id, offer.epoch)
