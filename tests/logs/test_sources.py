"""Sources: a token is shown once, kept as a hash, ends by itself, and its last use is known."""

import pytest

from app.clock import DAY_MS, MINUTE_MS
from app.db.writer import Database
from app.logs import sources
from app.logs.models import LogSource
from app.logs.sources import InvalidSourceError, NewToken, SourceInput, SourceRegistry
from tests.conftest import Clock


def create(database: Database, clock: Clock, name: str = "shop", **fields: int) -> NewToken:
    return database.write(
        lambda session: sources.create_source(session, SourceInput(name, **fields), clock())
    )


def find(registry: SourceRegistry, token: str, scheme: str = "Bearer") -> str | None:
    registry.invalidate()
    registry.refresh()
    found = registry.find(f"{scheme} {token}")
    return found.name if found else None


def test_a_token_opens_its_source_and_is_stored_as_a_hash(database: Database, clock: Clock):
    made = create(database, clock)
    registry = SourceRegistry(database, clock)
    assert find(registry, made.token) == "shop"
    assert find(registry, made.token, "bearer") == "shop"
    with database.read() as session:
        (row,) = sources.list_sources(session)
    assert made.token.rpartition("_")[2] not in str(vars(row))


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1] + "!",
        lambda token: token[:-2] + "zz",
        lambda token: token[:4] + "f" * 16 + token[20:],
        lambda token: token[:20],
    ],
)
def test_another_token_opens_nothing(database: Database, clock: Clock, change):
    token = create(database, clock).token
    assert find(SourceRegistry(database, clock), change(token)) is None


def test_a_token_ends_on_its_day(database: Database, clock: Clock):
    token = create(database, clock, days=1).token
    registry = SourceRegistry(database, clock)
    clock.now += DAY_MS - 1
    assert find(registry, token) == "shop"
    clock.now += 1
    assert find(registry, token) is None


def test_a_new_token_ends_the_old_one_and_keeps_the_span(database: Database, clock: Clock):
    first = create(database, clock, days=3)
    clock.now += DAY_MS
    second = database.write(lambda session: sources.replace_token(session, first.source.id, clock()))
    registry = SourceRegistry(database, clock)
    assert find(registry, first.token) is None
    assert find(registry, second.token) == "shop"
    assert second.source.expires_at == clock() + 3 * DAY_MS


def test_a_source_switched_off_or_deleted_opens_nothing_within_a_second(database: Database, clock: Clock):
    made = create(database, clock)
    registry = SourceRegistry(database, clock)
    assert find(registry, made.token) == "shop"
    database.write(lambda session: sources.set_enabled(session, made.source.id, enabled=False))
    clock.pass_seconds(1)
    registry.refresh()
    assert registry.find(f"Bearer {made.token}") is None
    database.write(lambda session: sources.set_enabled(session, made.source.id, enabled=True))
    assert find(registry, made.token) == "shop"
    database.write(lambda session: sources.delete_source(session, made.source.id))
    assert find(registry, made.token) is None


def test_the_last_use_is_written_down_once_a_minute(database: Database, clock: Clock):
    made = create(database, clock)
    registry = SourceRegistry(database, clock)

    def get_used() -> int | None:
        with database.read() as session:
            return session.get_one(LogSource, made.source.id).used_at

    def use() -> None:
        find(registry, made.token)
        registry.save_uses()

    use()
    first = clock()
    assert get_used() == first
    clock.now += 1000
    use()
    assert get_used() == first
    assert not registry.has_new_uses
    clock.now += MINUTE_MS
    find(registry, made.token)
    assert registry.has_new_uses
    registry.save_uses()
    assert get_used() == clock()


@pytest.mark.parametrize(("name", "fields", "field"), [
    ("", {}, "name"), ("Shop 1", {}, "name"), ("web", {}, "name"), ("shop", {"days": -1}, "days"),
    ("shop", {"events_per_second": 0}, "events_per_second"), ("x" * 41, {}, "name"),
])  # fmt: skip
def test_a_wrong_field_is_named(
    database: Database, clock: Clock, name: str, fields: dict[str, int], field: str
):
    with pytest.raises(InvalidSourceError) as refused:
        create(database, clock, name, **fields)
    assert list(refused.value.fields) == [field]


def test_a_name_is_given_once(database: Database, clock: Clock):
    create(database, clock)
    with pytest.raises(InvalidSourceError, match="already"):
        create(database, clock)
