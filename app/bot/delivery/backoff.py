"""Retry backoff of sends: first and longest delay, delays of pair rate limits (specs: durability 2.2, whatsapp A11)."""

from app.channels.contract import RefusalReason, SendRefusal

FIRST_DELAY_MS = 200  # doubled with each try
MAX_DELAY_MS = 60_000
# WhatsApp's rule for too many messages to one person: 4^n seconds, n no higher than this.
MAX_PAIR_EXPONENT = 4


def choose_delay_ms(refusal: SendRefusal, attempts: int, jitter: float) -> int:
    """Return ms before the try that follows `attempts` tries (at least 1); `jitter` in 0..1."""
    if refusal.retry_after_s is not None:
        return int(refusal.retry_after_s * 1000)
    if refusal.reason is RefusalReason.PAIR_LIMIT:
        return compute_pair_delay_ms(attempts - 1)
    return compute_delay_ms(attempts - 1, jitter)


def compute_delay_ms(retries: int, jitter: float) -> int:
    """Return ms before retry `retries` + 1: capped exponential, halved to one and a half by `jitter` in 0..1."""
    return int(min(MAX_DELAY_MS, FIRST_DELAY_MS * 2**retries) * (0.5 + jitter))


def compute_pair_delay_ms(retries: int) -> int:
    """Return ms before retry `retries` + 1 after the limit of messages to one person."""
    return 1000 * 4 ** min(retries, MAX_PAIR_EXPONENT)
