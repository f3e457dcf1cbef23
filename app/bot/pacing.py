"""Sending no faster than WhatsApp allows (whatsapp A11): virtual scheduling, its state in the rows we lock anyway."""

PAIR_INTERVAL = 6_000  # ms a message to one person costs
TOLERANCE = 250_000  # us of a number's throughput that may be spent at once


def pair_turn(slot: int, burst: int, now: int) -> tuple[int, int]:
    """Return when one more message to a person may go, and the slot that follows it (ms).

    `burst` messages may go at once, then one in six seconds; 0 = no pacing.
    """
    if not burst:
        return now, slot
    following = max(slot, now) + PAIR_INTERVAL
    return max(now, following - burst * PAIR_INTERVAL), following


def number_turn(slot: int, per_second: int, now: int) -> tuple[int, int]:
    """Return when one more message of a number may go (ms), and the slot that follows it (us)."""
    if not per_second:
        return now, slot
    present = now * 1000
    following = max(slot, present) + 1_000_000 // per_second
    return max(now, (following - TOLERANCE) // 1000), following


def backoff(attempts: int, jitter: float) -> int:
    """Return ms before try `attempts` + 1: capped exponential, `jitter` in 0..1 (durability 2.2)."""
    return int(min(60_000, 200 * 2**attempts) * (0.5 + jitter))


def pair_backoff(attempts: int) -> int:
    """Return ms before the next try after the pair limit (error 131056): 4^n seconds."""
    return 1000 * 4 ** min(attempts, 4)
