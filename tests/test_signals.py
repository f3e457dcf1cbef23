"""Signals call what was connected, in its order, until it is disconnected."""

import pytest

from app.signals import Signal


def test_each_receiver_is_called_in_its_order_until_it_is_disconnected():
    signal, seen = Signal(), []

    class Listener:
        """Methods are connected as well: two of one object are equal, though not the same."""

        def hear(self, chats: int) -> None:
            seen.append(("method", chats))

    def hear(**facts: int) -> None:
        seen.append(("function", facts["chats"]))

    listener = Listener()
    signal.send(chats=0)
    signal.connect(listener.hear)
    signal.connect(hear)
    signal.send(chats=1)
    signal.disconnect(listener.hear)
    signal.send(chats=2)
    signal.disconnect(hear)
    signal.disconnect(hear)
    signal.send(chats=3)
    assert seen == [("method", 1), ("function", 1), ("function", 2)]


def test_a_receiver_may_disconnect_itself_and_what_it_raises_goes_to_the_sender():
    signal, seen = Signal(), []

    def hear_once() -> None:
        signal.disconnect(hear_once)
        seen.append(1)
        raise ValueError("wrong")

    signal.connect(hear_once)
    signal.connect(lambda: seen.append(2))
    with pytest.raises(ValueError, match="wrong"):
        signal.send()
    signal.send()
    assert seen == [1, 2]
