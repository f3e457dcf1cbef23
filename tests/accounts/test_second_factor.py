"""Codes of the second factor: one step off at most, none twice; recovery codes once each."""

import secrets
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pyotp.totp import TOTP

from app.accounts import recovery_codes, second_factor, sessions
from app.accounts.recovery_codes import RecoveryCode
from app.accounts.roles import Role
from app.accounts.second_factor import STEP_MS, find_step
from app.accounts.users import AccountError
from app.db.actor import Actor, ActorKind, bind_actor
from app.db.writer import Database
from app.logs.audit.auditor import attach_auditor
from app.logs.audit.reading import get_last
from app.settings import Settings
from app.vault import Vault

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NOW = 1_780_000_000_000
STEP = NOW // STEP_MS


def build_code(step: int) -> str:
    return TOTP(SECRET).generate_otp(step)


@pytest.fixture
def person(database: Database, add_person: Callable[..., int]) -> int:
    """A person with a second factor; the code of the step before now was its first."""
    user_id = add_person("ada")
    database.write(lambda s: second_factor.begin_setup(s, user_id, "sealed"))
    database.write(lambda s: second_factor.enable(s, user_id, STEP - 2, ["abcd-efgh"], (0, NOW)))
    return user_id


@pytest.mark.parametrize(("offset", "is_right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_off(offset: int, is_right: bool):
    found = find_step(SECRET, build_code(STEP + offset), 0, NOW)
    assert found == (STEP + offset if is_right else None)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "0" * 4000])
def test_what_is_no_code_is_refused(code: str):
    assert find_step(SECRET, code, 0, NOW) is None


def test_a_code_with_a_space_in_it_is_taken():
    code = build_code(STEP)
    assert find_step(SECRET, f"{code[:3]} {code[3:]}", 0, NOW) == STEP


def test_a_code_is_used_once_and_none_before_it_afterwards(database: Database, person: int):
    def use(step: int) -> bool:
        return database.write(lambda s: second_factor.use_code(s, person, SECRET, build_code(step), NOW))

    assert use(STEP)
    assert not use(STEP)
    assert not use(STEP - 1)
    assert use(STEP + 1)


def test_of_two_who_use_a_code_at_once_one_is_let_in(database: Database, person: int):
    results: list[bool] = []

    def use() -> None:
        code = build_code(STEP)
        results.append(database.write(lambda s: second_factor.use_code(s, person, SECRET, code, NOW)))

    threads = [threading.Thread(target=use) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(results) == [False] * 5 + [True]


def test_a_recovery_code_is_used_once_however_it_is_typed(database: Database, person: int):
    def use(code: str) -> bool:
        return database.write(lambda s: second_factor.use_code(s, person, "", code, NOW))

    assert not use("abcd-efgx")
    assert use(" ABCD efgh ")
    assert not use("abcd-efgh")
    with database.read() as session:
        assert recovery_codes.count_left(session, person) == 0


def test_recovery_codes_are_ten_of_chance_and_stored_as_hashes(database: Database, person: int):
    codes = recovery_codes.generate_codes(secrets.token_bytes)
    assert len(set(codes)) == 10
    assert all(len(code) == 19 for code in codes)
    database.write(lambda s: recovery_codes.replace_codes(s, person, codes, NOW))
    with database.read() as session:
        rows = session.query(RecoveryCode).all()
        assert len(rows) == 10
        assert not [row for row in rows if row.code_hash in codes]


def test_the_recovery_code_of_somebody_else_opens_nothing(
    database: Database, person: int, add_person: Callable[..., int]
):
    assert person
    other = add_person("other")
    database.write(lambda s: second_factor.begin_setup(s, other, "sealed"))
    database.write(lambda s: second_factor.enable(s, other, STEP, [], (0, NOW)))
    assert not database.write(lambda s: second_factor.use_code(s, other, SECRET, "abcd-efgh", NOW))


def test_turning_it_on_or_off_ends_the_other_sessions(database: Database, add_person: Callable[..., int]):
    user_id = add_person("ada")
    kept = database.write(lambda s: sessions.begin(s, user_id, "kept", ("", ""), NOW)).id
    for act in (
        lambda s: second_factor.enable(s, user_id, STEP, [], (kept, NOW)),
        lambda s: second_factor.disable(s, user_id, kept),
    ):
        database.write(lambda s: sessions.begin(s, user_id, "other", ("", ""), NOW))
        if not second_factor_is_open(database, user_id):
            database.write(lambda s: second_factor.begin_setup(s, user_id, "sealed"))
        database.write(act)
        with database.read() as session:
            assert sessions.find(session, "kept", NOW)
            assert sessions.find(session, "other", NOW) is None


def second_factor_is_open(database: Database, user_id: int) -> bool:
    with database.read() as session:
        return second_factor.get_factor(session, user_id) is not None


def test_an_owner_resets_it_and_the_person_is_told(
    database: Database, person: int, add_person: Callable[..., int]
):
    owner, agent = add_person("owner"), add_person("agent", Role.AGENT)
    with pytest.raises(AccountError, match="no owner"):
        database.write(lambda s: second_factor.reset(s, agent, person, NOW))
    with pytest.raises(AccountError, match="no second factor"):
        database.write(lambda s: second_factor.reset(s, owner, agent, NOW))
    database.write(lambda s: second_factor.reset(s, owner, person, NOW))
    with database.read() as session:
        factor = second_factor.get_factor(session, person)
        assert factor
        assert (factor.secret, factor.reset_at) == ("", NOW)
        assert not second_factor.is_enabled(session, person)
        assert recovery_codes.count_left(session, person) == 0
    assert not database.write(lambda s: second_factor.use_code(s, person, SECRET, build_code(STEP), NOW))


def test_a_set_up_does_not_replace_a_factor_that_is_on(database: Database, person: int):
    with pytest.raises(AccountError, match="on already"):
        database.write(lambda s: second_factor.begin_setup(s, person, "another"))
    with pytest.raises(AccountError, match="Begin again"):
        database.write(lambda s: second_factor.enable(s, person, STEP, [], (0, NOW)))


def test_the_address_for_the_app_names_the_product_and_the_person():
    address = second_factor.build_address(SECRET, "ada@example.com")
    assert address.startswith("otpauth://totp/Brainbox:ada%40example.com?")
    assert SECRET in address


def test_who_uses_a_recovery_code_is_named_in_the_audit(
    database: Database, person: int, settings: Settings, tmp_path: Path
):
    attach_auditor(database, Vault(settings), tmp_path, lambda: NOW)
    nobody = Actor(ActorKind.PERSON, address="203.0.113.9")
    with bind_actor(nobody):
        assert database.write(lambda s: second_factor.use_code(s, person, "", "abcd-efgh", NOW))
    with database.read() as session:
        entry = get_last(session)
        assert entry
        assert (entry.action, entry.actor_id, entry.address) == ("recovery code used", person, "203.0.113.9")
        assert entry.actor_name == entry.subject_name
