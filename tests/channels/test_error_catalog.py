"""Which cause a code means: itself first, then its family, then its beginning."""

import pytest

from app.channels.error_catalog import ErrorCatalog

CATALOG = ErrorCatalog(
    by_code={"205": "token", "http_429": "rate"},
    by_range=[(range(200, 300), "permission")],
    by_prefix={"http_5": "down"},
)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("205", "token"),
        ("200", "permission"),
        ("299", "permission"),
        ("300", None),
        ("http_429", "rate"),
        ("http_503", "down"),
        ("http_404", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_a_code_means_one_cause_or_none(code: str, cause: str | None):
    assert CATALOG.find_cause(code) == cause
