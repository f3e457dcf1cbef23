"""Actor: bound to a thread, and taken along by what that thread writes."""

import threading

from app.db.actor import SYSTEM, Actor, ActorKind, bind_actor, build_job_actor, get_actor, set_actor

BEN = Actor(ActorKind.PERSON, 3, "ben@example.org")


def test_an_actor_is_bound_for_a_while_and_to_one_thread():
    seen = []
    with bind_actor(BEN):
        assert get_actor() == BEN
        thread = threading.Thread(target=lambda: seen.append(get_actor()))
        thread.start()
        thread.join()
        with bind_actor(build_job_actor("prune")):
            assert get_actor().name == "prune"
        assert get_actor() == BEN
    assert [get_actor(), *seen] == [SYSTEM, SYSTEM]


def test_an_actor_stays_until_another_is_set():
    set_actor(BEN)
    assert get_actor() == BEN
    set_actor(SYSTEM)
    assert get_actor() == SYSTEM
