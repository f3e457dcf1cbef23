"""What an operator enters for a number on the Cloud API, and Meta's check of it (specs: whatsapp A2)."""

import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.bot.channels.cloud.signature import as_bytes
from app.signals import DomainError

_VISIBLE = re.compile(r"[\x21-\x7e]+")


class AccountError(DomainError):
    """A phone number id that cannot be one."""

    code = "account"


def _printable(value: str) -> str:
    # It goes into a header: a line break would end it, other letters cannot be sent.
    if not _VISIBLE.fullmatch(value):
        raise ValueError("must be one word of plain letters, digits and signs: copy it again without spaces")
    return value


Secret = Annotated[str, Field(repr=False, min_length=1, max_length=2000), AfterValidator(_printable)]


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
        description="A word of your choice; enter the same one beside the webhook address at Meta.",
    )
    display_phone: str = Field(
        default="", max_length=32, title="Phone number", description="As people know it, only for display."
    )
    business_account: str = Field(
        default="",
        pattern=r"^\d{0,25}$",
        title="WhatsApp Business account id",
        description="Shown beside the phone number id; with it, chats offer your approved templates.",
    )


def handshake(args: Mapping[str, str], verify_tokens: Iterable[str]) -> str | None:
    """Return the challenge to answer verbatim, None unless the query proves one of our tokens (A2)."""
    given, challenge = as_bytes(args.get("hub.verify_token", "")), args.get("hub.challenge")
    known = [hmac.compare_digest(as_bytes(token), given) for token in verify_tokens if token]
    return challenge if args.get("hub.mode") == "subscribe" and any(known) and challenge else None


def clean_account(text: str) -> str:
    """Return a phone number id as it is stored; raises AccountError unless it is 5 to 25 digits."""
    account = text.strip()
    if not (account.isascii() and account.isdigit() and 5 <= len(account) <= 25):
        raise AccountError("The phone number id is 5 to 25 digits: Meta shows it under WhatsApp > API Setup.")
    return account
