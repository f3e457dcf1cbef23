"""Settings: addresses in one form or refused in words, and a name for each installation."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.settings import Settings, parse_origin


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("https://Bots.Example.COM", "https://bots.example.com"),
        ("HTTPS://bots.example.com/", "https://bots.example.com"),
        ("https://bots.example.com:443", "https://bots.example.com"),
        ("http://bots.example.com:80/", "http://bots.example.com"),
        ("https://bots.example.com:8443", "https://bots.example.com:8443"),
        ("http://bots.example.com:443", "http://bots.example.com:443"),
        ("https://bots.example.com.", "https://bots.example.com"),
        (" https://bots.example.com\n", "https://bots.example.com"),
        ("https://Bücher.example", "https://xn--bcher-kva.example"),
        ("https://faß.example", "https://xn--fa-hia.example"),
        ("https://例え.jp", "https://xn--r8jz45g.jp"),
        ("http://[2001:DB8::0:1]:8000", "http://[2001:db8::1]:8000"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://localhost:08000", "http://localhost:8000"),
    ],
)
def test_a_public_address_is_kept_as_browsers_write_their_origin(
    tmp_path: Path, written: str, canonical: str
):
    assert Settings(brainbox_data=tmp_path, public_url=written).public_url == canonical


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("bots.example.com", "must begin with"),
        ("ftp://bots.example.com", "must begin with"),
        ("https://bots.example.com/app", "behind the host"),
        ("https://bots.example.com/?a=b", "behind the host"),
        ("https://bots.example.com#top", "behind the host"),
        ("https://bots.example.com?", "behind the host"),
        ("https://me:secret@bots.example.com", "user name"),
        ("https://me@bots.example.com", "user name"),
        ("https://", "no host name"),
        ("https://bots example.com", "no host name"),
        ("https://bots_example_.com/..", "behind the host"),
        ("https://bots.example.com:99999", "no web address"),
        ("https://bots.example.com:0", "no port"),
        ("https://[::1", "no web address"),
        ("https://a..example", "no host name"),
    ],
)
def test_what_is_no_origin_is_refused_in_words(tmp_path: Path, written: str, words: str):
    with pytest.raises(ValidationError, match=words):
        Settings(brainbox_data=tmp_path, public_url=written)


@given(st.text(max_size=40))
def test_any_address_is_canonical_once_it_is_read_or_refused(text: str):
    try:
        origin = parse_origin(f"https://{text}")
    except ValueError:
        return
    assert origin.isascii()
    assert parse_origin(origin) == origin == origin.lower()


@pytest.mark.parametrize(
    "command", [["-m", "flask", "--app", "wsgi", "doctor"], ["wsgi.py"], ["huey_tasks.py"]]
)
def test_a_wrong_setting_ends_every_command_with_its_name_and_without_a_traceback(
    tmp_path: Path, command: list[str]
):
    environment = {
        "BRAINBOX_DATA": str(tmp_path),
        "PUBLIC_URL": "https://me:pa55@bots.example.com",
        "SECRET_KEY": "too short",
        "PATH": "/usr/bin",
    }
    ended = subprocess.run(
        [sys.executable, *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parent.parent,
        check=False,
    )
    assert ended.returncode == 1
    assert "PUBLIC_URL: leave out the user name" in ended.stderr
    assert "SECRET_KEY: " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "pa55" not in ended.stderr
    assert "too short" not in ended.stderr


def test_installations_have_names_of_their_own_and_their_processes_share_it(tmp_path: Path):
    first = Settings(brainbox_data=tmp_path / "a", secret_key="a" * 20)
    same = Settings(brainbox_data=tmp_path / "a", secret_key="a" * 20, port=9000)
    others = [
        Settings(brainbox_data=tmp_path / "b", secret_key="a" * 20),
        Settings(brainbox_data=tmp_path / "a", secret_key="b" * 20),
    ]
    assert first.installation_id == same.installation_id
    assert len({each.installation_id for each in [first, *others]}) == 3


def test_a_new_password_of_the_database_leaves_people_signed_in(tmp_path: Path):
    urls = [f"postgresql://me:{word}@db/brainbox" for word in ("old", "new")]
    ids = {
        Settings(brainbox_data=tmp_path, secret_key="a" * 20, database_url=url).installation_id
        for url in urls
    }
    assert len(ids) == 1
