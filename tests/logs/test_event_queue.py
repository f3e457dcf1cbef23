"""The queue is bounded by number and bytes, and its count of drops is exact, from many threads too."""

import threading

from app.logs.event_queue import EventQueue


def test_what_finds_no_room_is_counted_event_by_event():
    queue = EventQueue(10, max_events=5)
    assert queue.put("a", 3)
    assert not queue.put("b", 3)
    assert queue.put("c", 2)
    assert not queue.put("d")
    assert queue.counts == (9, 4)
    assert queue.take() == ["a", "c"]
    assert queue.put("e", 5)
    assert queue.depth == 5


def test_bytes_are_bounded_as_well():
    queue = EventQueue(10, max_bytes=1000)
    assert queue.put("a", size=900)
    assert not queue.put("b", size=101)
    assert queue.put("c", size=100)


def test_what_its_sender_keeps_is_no_drop():
    queue = EventQueue(10, max_events=1)
    queue.put("a")
    queue.put("b", 4)
    queue.refuse(4)
    assert queue.counts == (1, 0)


def test_the_reader_is_woken_by_the_first_and_told_of_a_full_batch():
    queue = EventQueue(2)
    assert not queue.wake.is_set()
    queue.put("a")
    assert queue.wake.is_set()
    assert not queue.is_full_batch.is_set()
    queue.put("b")
    assert queue.is_full_batch.is_set()
    queue.take()
    assert not queue.wake.is_set()


def test_the_count_is_exact_when_many_threads_put_and_one_takes():
    queue, taken, done = EventQueue(10, max_events=50), [], threading.Event()

    def put() -> None:
        for number in range(2_000):
            queue.put(number)

    def take() -> None:
        while not done.is_set():
            taken.extend(queue.take())

    reader = threading.Thread(target=take)
    reader.start()
    writers = [threading.Thread(target=put) for _ in range(6)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    done.set()
    reader.join()
    taken.extend(queue.take())
    offered, dropped = queue.counts
    assert offered == 12_000
    assert len(taken) == offered - dropped
