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


def test_a_phone_number_id_is_digits():
    assert clean_account(" 106540352242922 ") == "106540352242922"
    for text in ("", "+1 555", "12", "1" * 26, "²" * 8):
        with pytest.raises(AccountError, match="5 to 25 digits"):
            clean_account(text)
