"""AI providers: made, changed, found; their keys sealed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.brains.ai import prices
from app.brains.ai.models import AiProvider
from app.signals import DomainError
from app.vault import Vault

MOST: Final = 20
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_VISIBLE = re.compile(r"[\x21-\x7e]{0,500}")
_SCHEMES: Final = {True: ("https", "http"), False: ("https",)}


class ProviderRefused(DomainError):
    """A provider that cannot be made or changed as asked; `fields` says where."""

    code = "ai-provider"

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("Some fields need another look: " + " ".join(fields.values()))
        self.fields = dict(fields)


class ProviderNotFound(DomainError):
    """No provider has this name or number."""

    code = "ai-provider-not-found"


@dataclass(frozen=True, slots=True)
class Wish:
    """What an owner asks of a provider; an empty key keeps the stored one, `keyless` takes it away.

    `prices`: a line for each model, as app.brains.ai.prices reads them.
    """

    name: str
    base_url: str
    model: str
    key: str = field(default="", repr=False)
    keyless: bool = False
    currency: str = prices.CURRENCY
    prices: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider ready to be asked; equal as long as nothing about it has changed."""

    name: str
    base_url: str
    model: str
    key: str = field(default="", repr=False)


class Providers:
    """Reads and writes providers with the vault at hand; plain http only where private addresses are allowed."""

    def __init__(self, vault: Vault, *, allow_private: bool = False) -> None:
        self._vault = vault
        self._allow_private = allow_private

    def create(self, session: Session, wish: Wish, now: int) -> AiProvider:
        """Make a provider; raises ProviderRefused with the fields that are wrong."""
        if len(list_providers(session)) >= MOST:
            raise ProviderRefused({"name": f"There are {MOST} providers already. Remove one first."})
        row = AiProvider(created_at=now)
        self._apply(session, row, wish, now)
        session.add(row)
        session.flush()
        return row

    def update(self, session: Session, provider_id: int, wish: Wish, now: int) -> AiProvider:
        """Change a provider; raises ProviderRefused, ProviderNotFound."""
        row = get_provider(session, provider_id)
        self._apply(session, row, wish, now)
        return row

    def endpoint(self, row: AiProvider) -> Endpoint:
        """Return a provider with its key opened; raises VaultError."""
        return Endpoint(row.name, row.base_url, row.model, self._vault.open(row.secrets).get("key", ""))

    def _apply(self, session: Session, row: AiProvider, wish: Wish, now: int) -> None:
        wrong = self._problems(session, row, wish)
        if wrong:
            raise ProviderRefused(wrong)
        # A key goes only where it was entered for: whoever changes the address enters it again.
        moved = row.base_url is not None and _origin(row.base_url) != _origin(wish.base_url.strip())
        if wish.key.strip() or wish.keyless or moved:
            key = wish.key.strip()
            row.secrets = self._vault.seal({"key": key}) if key else ""
        row.name, row.model = wish.name.strip(), wish.model.strip()
        row.base_url = wish.base_url.strip().rstrip("/")
        row.currency, row.prices = wish.currency.strip(), prices.read(wish.prices)
        row.updated_at = now

    def _problems(self, session: Session, row: AiProvider, wish: Wish) -> dict[str, str]:
        found: dict[str, str] = {}
        name = wish.name.strip()
        taken = find_provider(session, name)
        if not _NAME.fullmatch(name):
            found["name"] = "Use a short name of small letters, digits, - and _, such as openai."
        elif taken and taken.id != row.id:
            found["name"] = f"There is already a provider called “{name}”."
        if not 1 <= len(wish.model.strip()) <= 100:
            found["model"] = "Name the model that is asked, in 1 to 100 characters, such as gpt-4o-mini."
        if not _VISIBLE.fullmatch(wish.key.strip()):
            found["key"] = "The key must be one word of plain signs: copy it again without spaces."
        wrong = self._wrong_address(wish.base_url.strip())
        return found | ({"base_url": wrong} if wrong else {}) | _wrong_prices(wish)

    def _wrong_address(self, address: str) -> str:
        schemes = _SCHEMES[self._allow_private]
        example = "such as https://api.openai.com/v1"
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError:
            return f"This is no address. Write one {example}."
        plain = parts.username is None and not parts.query and not parts.fragment and port != 0
        if parts.scheme == "http" and not self._allow_private:
            return (
                f"It must begin with https://, {example}. Plain http needs AI_ALLOW_PRIVATE (local models)."
            )
        if parts.scheme not in schemes or not parts.hostname or not plain or len(address) > 300:
            return f"Write the address up to its version, {example}, without anything behind it."
        return ""


def _wrong_prices(wish: Wish) -> dict[str, str]:
    found: dict[str, str] = {}
    if not prices.is_currency(wish.currency.strip()):
        found["currency"] = "Write the three capital letters of a currency, such as USD or EUR."
    try:
        prices.read(wish.prices)
    except prices.WrongPrices as error:
        found["prices"] = str(error)
    return found


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc.lower()


def list_providers(session: Session) -> list[AiProvider]:
    """List the providers, oldest first: the first one answers where a brain names none."""
    return list(session.scalars(select(AiProvider).order_by(AiProvider.id)))


def find_provider(session: Session, name: str | None) -> AiProvider | None:
    """Find a provider by its name, or the first one; None when there is none."""
    query = select(AiProvider).order_by(AiProvider.id).limit(1)
    return session.scalar(query if name is None else query.where(AiProvider.name == name))


def get_provider(session: Session, provider_id: int) -> AiProvider:
    """Find a provider by its number; raises ProviderNotFound."""
    row = session.get(AiProvider, provider_id)
    if row is None:
        raise ProviderNotFound("This AI provider is not there any more. Look at the list again.")
    return row


def remove_provider(session: Session, provider_id: int) -> str:
    """Remove a provider and its key; returns its name, raises ProviderNotFound. What it answered stays recorded."""
    row = get_provider(session, provider_id)
    session.delete(row)
    return row.name
