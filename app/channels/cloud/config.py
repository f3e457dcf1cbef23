"""Configuration of a WhatsApp number: form fields, validation, connection test (specs: whatsapp A2)."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.channels.setup_guide import AccountField, SetupGuide
from app.signals import DomainError

_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_BUSINESS_ACCOUNT: Final = re.compile(r"[0-9]{0,25}")
_MAX_SECRET_CHARS: Final = 2_000
_MAX_PHONE_CHARS: Final = 32


class AccountError(DomainError):
    """A phone number id that cannot be one."""

    code = "account"


def _check_secret(value: str) -> str:
    if not value:
        raise ValueError("fill this in, as Meta shows it")
    if len(value) > _MAX_SECRET_CHARS:
        raise ValueError(f"is too long: a token of Meta has {_MAX_SECRET_CHARS:,} characters at most")
    # It goes into a header: a line break would end it, other letters cannot be sent.
    if not _VISIBLE.fullmatch(value):
        raise ValueError("must be one word of plain letters, digits and signs: copy it again without spaces")
    return value


def _check_display_phone(value: str) -> str:
    if len(value) > _MAX_PHONE_CHARS:
        raise ValueError(f"is too long: {_MAX_PHONE_CHARS} characters at most")
    return value


def _check_business_account(value: str) -> str:
    if not _BUSINESS_ACCOUNT.fullmatch(value):
        raise ValueError("write the digits that Meta shows, or leave this empty")
    return value


# Each check says in words what to write: the page shows them beside the field.
Secret = Annotated[str, Field(repr=False), AfterValidator(_check_secret)]


class CloudConfig(BaseModel):
    """Settings of one number; the names say where Meta shows each value."""

    # A rejected token must not be quoted in an error page.
    model_config = ConfigDict(str_strip_whitespace=True, hide_input_in_errors=True, frozen=True)

    access_token: Secret = Field(
        title="Access token",
        description="Token of a system user (it does not expire) with whatsapp_business_messaging.",
    )
    app_secret: Secret = Field(
        title="App secret",
        description="From App settings, Basic: proves that a webhook comes from Meta.",
    )
    verify_token: Secret = Field(
        title="Verify token",
        description="A word of your choice; enter the same one next to the callback URL in Meta.",
    )
    display_phone: Annotated[str, AfterValidator(_check_display_phone)] = Field(
        default="", title="Phone number", description="As people know it, only for display."
    )
    business_account: Annotated[str, AfterValidator(_check_business_account)] = Field(
        default="",
        title="WhatsApp Business account id",
        description="Shown next to the phone number id; with it, chats offer your approved templates.",
    )


SETUP: Final = SetupGuide(
    provider="WhatsApp",
    description="A WhatsApp Business number, through Meta’s official API.",
    invitation="Connect a WhatsApp number",
    account_field=AccountField(
        "Phone number ID",
        "Meta shows it under WhatsApp > API Setup. It is not the phone number itself.",
        is_number=True,
    ),
    is_default=True,
    generated_field="verify_token",
    title="Set up in Meta",
    steps=(
        (
            "Open **developers.facebook.com**, choose your app, then **WhatsApp > API Setup**. Copy the phone number "
            "ID into this form."
        ),
        (
            "In **Business settings > System users** create a token with `whatsapp_business_messaging` that never "
            "expires: that is the access token."
        ),
        "In **App settings > Basic** copy the app secret. It proves that webhooks come from Meta.",
    ),
    steps_after_save=(
        (
            "In **WhatsApp > Configuration** enter the two values below as callback URL and verify token, and "
            "subscribe to `messages`."
        ),
    ),
    webhook_label="Callback URL",
    template_help="Create one in WhatsApp Manager; it appears here once Meta has approved it.",
)


def clean_account(text: str) -> str:
    """Return a phone number id as it is stored; raises AccountError unless it is 5 to 25 digits."""
    account = text.strip()
    if not (account.isascii() and account.isdigit() and 5 <= len(account) <= 25):
        raise AccountError("The phone number id is 5 to 25 digits: Meta shows it under WhatsApp > API Setup.")
    return account
