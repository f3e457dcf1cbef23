"""Where people have signed in: networks of addresses, and how many are remembered."""

from collections.abc import Callable

import pytest

from app.accounts import known_origins
from app.accounts.known_origins import LIFETIME_MS, MAX_PER_USER, KnownOrigin, Origin, find_network
from app.db.writer import Database


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("x" * 500, "x" * 45),
    ],
)
def test_who_has_one_address_of_a_network_has_them_all(address: str, network: str):
    assert find_network(address) == network


def test_the_longest_unseen_origins_make_room(database: Database, add_person: Callable[..., int]):
    user_id = add_person("ada")
    for n in range(MAX_PER_USER):
        origin = Origin("", f"device {n}")
        database.write(lambda s, n=n, origin=origin: known_origins.remember(s, user_id, origin, n + 1))
    with database.read() as session:
        assert session.query(KnownOrigin).count() == MAX_PER_USER
        assert known_origins.select_known(session, user_id, Origin("x", "device 0"), 99) == set()
        newest = Origin("x", f"device {MAX_PER_USER - 1}")
        assert known_origins.select_known(session, user_id, newest, 99) == {newest.device_hash}
        assert known_origins.select_known(session, None, newest, 99) == set()


def test_an_origin_is_forgotten_after_long(database: Database, add_person: Callable[..., int]):
    user_id, origin = add_person("ada"), Origin("203.0.113.7", "laptop")
    database.write(lambda s: known_origins.remember(s, user_id, origin, 5))
    with database.read() as session:
        assert len(known_origins.select_known(session, user_id, origin, 6)) == 2
        assert known_origins.select_known(session, user_id, origin, 5 + LIFETIME_MS) == set()
    database.write(lambda s: known_origins.delete_expired(s, 5 + LIFETIME_MS))
    with database.read() as session:
        assert session.query(KnownOrigin).count() == 0
