import pytest
from pydantic import ValidationError

from app.channels.cloud.config import AccountError, CloudConfig, clean_account


def test_the_configuration_hides_its_secrets():
    config = CloudConfig(access_token=" EAAG123 ", app_secret="abc", verify_token="word")
    assert config.access_token == "EAAG123"
    assert "EAAG123" not in repr(config)
    with pytest.raises(ValidationError) as caught:
        CloudConfig(access_token="EAAG 123\r\nX: y", app_secret="abc", verify_token="word")
    assert "EAAG" not in str(caught.value)
    assert "copy it again without spaces" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"access_token": " "}, "fill this in, as Meta shows it"),
        ({"app_secret": "x" * 2_001}, "is too long: a token of Meta has 2,000 characters at most"),
        ({"verify_token": "two words"}, "must be one word of plain letters"),
        ({"display_phone": "1" * 33}, "is too long: 32 characters at most"),
        ({"business_account": "12a"}, "write the digits that Meta shows, or leave this empty"),
        ({"business_account": "٣٤"}, "write the digits that Meta shows, or leave this empty"),
    ],
)
def test_what_is_wrong_is_said_in_words_that_say_what_to_write(changes: dict[str, str], words: str):
    given = {"access_token": "EAAG123", "app_secret": "abc", "verify_token": "word", **changes}
    with pytest.raises(ValidationError) as caught:
        CloudConfig.model_validate(given)
    (problem,) = caught.value.errors()
    assert problem["loc"] == tuple(changes)
    assert words in problem["msg"]


def test_a_phone_number_id_is_digits():
    assert clean_account(" 106540352242922 ") == "106540352242922"
    for text in ("", "+1 555", "12", "1" * 26, "²" * 8):
        with pytest.raises(AccountError, match="5 to 25 digits"):
            clean_account(text)
