import pytest

from app.channels.cloud.media_rules import MediaHostError, parse_allowed_url


@pytest.mark.parametrize(
    "address",
    [
        "https://lookaside.fbsbx.com/a?b=c",
        "https://LOOKASIDE.fbsbx.com:443/a",
        "http://127.0.0.1:9000/a",
        "https://127.0.0.1:9000/a",
    ],
)
def test_listed_addresses_are_allowed(address):
    assert parse_allowed_url(address, ["lookaside.fbsbx.com", "127.0.0.1:9000"])


@pytest.mark.parametrize(
    "address",
    [
        "http://lookaside.fbsbx.com/a",
        "https://lookaside.fbsbx.com:8443/a",
        "https://evil.lookaside.fbsbx.com/a",
        "https://lookaside.fbsbx.com.evil.com/a",
        "https://lookaside.fbsbx.com@evil.com/a",
        "https://evil.com\\@lookaside.fbsbx.com/a",
        "https://user:pass@lookaside.fbsbx.com/a",
        "https://evil.com#lookaside.fbsbx.com",
        "ftp://127.0.0.1:9000/a",
        "http://127.0.0.1:9001/a",
        "//lookaside.fbsbx.com/a",
        "https://[::1/a",
        "https://lookaside.fbsbx.com:99999/a",
        "file:///etc/passwd",
        "",
        "x",
    ],
)
def test_every_other_address_is_refused(address):
    with pytest.raises(MediaHostError):
        parse_allowed_url(address, ["lookaside.fbsbx.com", "127.0.0.1:9000"])
