"""Waits between the tries of a send."""

from typing import Any

import pytest

from app.bot.delivery.backoff import choose_delay_ms
from app.channels.contract import RefusalClass, RefusalReason, SendRefusal


def build_refusal(**more: Any) -> SendRefusal:
    return SendRefusal(RefusalClass.LIMIT, "1", "no", **more)


@pytest.mark.parametrize(("attempts", "delay"), [(1, 200), (2, 400), (9, 51_200), (10, 60_000), (30, 60_000)])
def test_the_wait_doubles_up_to_a_minute_and_jitter_spreads_it(attempts: int, delay: int):
    assert choose_delay_ms(build_refusal(), attempts, 0.5) == delay
    assert choose_delay_ms(build_refusal(), attempts, 0.0) == delay // 2
    assert choose_delay_ms(build_refusal(), attempts, 1.0) == delay * 3 // 2


def test_the_wait_of_a_provider_goes_first():
    assert choose_delay_ms(build_refusal(retry_after_s=7.5), 3, 0.9) == 7_500
    assert choose_delay_ms(build_refusal(retry_after_s=1, reason=RefusalReason.PAIR_LIMIT), 3, 0.9) == 1_000


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 1), (2, 4), (3, 16), (5, 256), (8, 256)])
def test_too_many_messages_to_one_person_wait_by_whatsapps_own_rule(attempts: int, seconds: int):
    assert choose_delay_ms(build_refusal(reason=RefusalReason.PAIR_LIMIT), attempts, 0.9) == 1000 * seconds
