"""Anchor: written whole, only forward, and never over what the database does not know."""

from pathlib import Path

import pytest

from app.logs.audit.anchor import AnchorFile, UnreadableAnchor

KEY = b"k" * 32


def test_an_anchor_goes_forward_and_keeps_evidence(tmp_path: Path):
    file = AnchorFile(tmp_path)
    assert file.read() is None
    assert file.advance(1, "a", KEY, lambda _: None)
    assert file.advance(3, "c", KEY, lambda _: "a")
    assert file.advance(2, "b", KEY, lambda _: "a")
    known = file.read()
    assert known
    assert (known.number, known.hash) == (3, "c")
    assert not file.advance(4, "d", KEY, lambda _: None)
    assert file.read() == known
    file.replace(2, "x", KEY)
    accepted = file.read()
    assert accepted
    assert (accepted.number, accepted.hash) == (2, "x")


def test_a_seal_holds_for_one_key_number_and_hash(tmp_path: Path):
    file = AnchorFile(tmp_path)
    file.replace(2, "x", KEY)
    known = file.read()
    assert known
    assert known.is_sealed_by(KEY)
    assert not known.is_sealed_by(b"other")
    file.path.write_text(file.path.read_text().replace('"number": 2', '"number": 1'))
    forged = file.read()
    assert forged
    assert not forged.is_sealed_by(KEY)


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"number": "x"}', "\xff"])
def test_what_is_no_anchor_is_refused(tmp_path: Path, content: str):
    file = AnchorFile(tmp_path)
    file.path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UnreadableAnchor):
        file.read()


def test_the_file_is_its_owners_alone(tmp_path: Path):
    file = AnchorFile(tmp_path)
    file.replace(2, "x", KEY)
    assert file.path.stat().st_mode & 0o077 == 0
