"""Sealing: opens with the current key and former ones; rotation makes former ones unnecessary."""

from app.logs.sealing import UNREADABLE, Sealer
from app.settings import Settings
from app.vault import Vault


def make_sealer(settings: Settings, key: str, *old: str) -> Sealer:
    changed = settings.model_copy(update={"secret_key": key, "secret_keys_old": old})
    return Sealer(Vault(changed), is_active=True)


def test_a_token_says_nothing_and_opens_again(settings: Settings):
    sealer = make_sealer(settings, "the first secret key")
    token = sealer.seal("a text", '{"a":1}')
    assert "a text" not in token
    assert sealer.open(token) == ("a text", '{"a":1}')


def test_a_former_key_opens_and_after_rotation_is_not_needed(settings: Settings):
    old = make_sealer(settings, "the first secret key").seal("a text", "")
    both = make_sealer(settings, "the second secret key", "the first secret key")
    assert both.open(old) == ("a text", "")
    again = both.rotate(old)
    assert again
    assert make_sealer(settings, "the second secret key").open(again) == ("a text", "")


def test_without_its_key_a_line_says_what_to_do(settings: Settings):
    old = make_sealer(settings, "the first secret key").seal("a text", "")
    alone = make_sealer(settings, "the second secret key")
    assert alone.open(old) == (UNREADABLE, "")
    assert alone.rotate(old) is None
