import threading
from concurrent.futures import ThreadPoolExecutor

from app.analytics.single_flight import SingleFlight


def test_who_asks_while_a_call_runs_shares_the_next_call():
    sharing, begun, go = SingleFlight[int](), threading.Event(), threading.Event()
    reads: list[int] = []

    def work() -> int:
        reads.append(len(reads))
        begun.set()
        go.wait(5)
        return reads[-1]

    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(sharing.run, "week", work)
        assert begun.wait(5)
        later = [pool.submit(sharing.run, "week", work) for _ in range(19)]
        while not sharing._waiting:
            pass
        go.set()
        assert first.result(5) == 0
        assert all(each.result(5) > 0 for each in later)
    # Some may ask only when the second reading has begun.
    assert len(reads) < 20
