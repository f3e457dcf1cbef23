from pathlib import Path

import pytest

from app.files import FileStore, clean_file_name, format_reference, parse_reference


def test_a_broken_transfer_leaves_nothing_behind(tmp_path: Path):
    with FileStore(tmp_path).open_incoming() as incoming:
        incoming.write(b"half")
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63])
def test_only_digests_name_files(tmp_path: Path, name: str):
    assert FileStore(tmp_path).find_path(name) is None


def test_a_reference_survives_its_way():
    assert parse_reference(format_reference("a" * 64, "audio/ogg")) == ("a" * 64, "audio/ogg")
    assert parse_reference("123456") is None
    assert parse_reference(None) is None


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("отчёт.pdf", "отчёт.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a b.txt", "a b.txt"),
        ("x\u202efdp.exe", "xfdp.exe"),
        ('a"b\r\n:c.pdf', "a b c.pdf"),
        ("..", ""),
        ("請求書" * 200 + ".xlsx", ("請求書" * 200)[:235] + ".xlsx"),
        ("a" * 300, "a" * 240),
    ],
)
def test_a_file_keeps_its_name_in_its_script_and_its_ending(given_name: str, kept: str):
    assert clean_file_name(given_name) == kept
