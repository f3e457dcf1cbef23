"""AI providers in the database: create, update, validation, encrypted keys; the default one."""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.brains.ai import prices
from app.brains.ai.contract import DEFAULT_KIND, Endpoint, ProviderKind
from app.brains.ai.models import AiProvider
from app.brains.ai.providers import KINDS
from app.db.change_notes import name_action
from app.immutable import immutable
from app.signals import DomainError
from app.vault import Vault

MAX_PROVIDERS: Final = 20
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_VISIBLE = re.compile(r"[\x21-\x7e]{0,500}")
_SCHEMES: Final = {True: ("https", "http"), False: ("https",)}


class InvalidProvider(DomainError):
    """Provider that cannot be created or changed as requested; `fields` maps fields to messages."""

    code = "ai-provider"

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("Some fields need another look: " + " ".join(fields.values()))
        self.fields = dict(fields)


class ProviderNotFound(DomainError):
    """No provider has this name or id."""

    code = "ai-provider-not-found"


@immutable
class ProviderInput:
    """Input of a provider form; an empty key keeps the stored one, `keyless` removes it.

    `prices`: a line for each model, as app.brains.ai.prices reads them; `options`: the kind's own settings.
    """

    name: str
    base_url: str
    model: str
    key: str = field(default="", repr=False)
    keyless: bool = False
    currency: str = prices.CURRENCY
    prices: str = ""
    kind: str = DEFAULT_KIND
    options: Mapping[str, Any] = field(default_factory=dict)


class ProviderStore:
    """Store of providers with encrypted keys; plain http only where private addresses are allowed."""

    def __init__(self, vault: Vault, *, allow_private: bool = False) -> None:
        self._vault = vault
        self._allow_private = allow_private

    def create(self, session: Session, data: ProviderInput, now: int) -> AiProvider:
        """Create a provider; raises InvalidProvider with the wrong fields."""
        if len(list_providers(session)) >= MAX_PROVIDERS:
            raise InvalidProvider({"name": f"There are {MAX_PROVIDERS} providers already. Remove one first."})
        row = AiProvider(created_at=now)
        self._apply(session, row, data, now)
        session.add(row)
        session.flush()
        return row

    def update(self, session: Session, provider_id: int, data: ProviderInput, now: int) -> AiProvider:
        """Change a provider; raises InvalidProvider, ProviderNotFound."""
        row = get_provider(session, provider_id)
        self._apply(session, row, data, now)
        return row

    def has_readable_key(self, row: AiProvider) -> bool:
        """Tell whether the stored key of a provider can be decrypted; also true where none is stored."""
        return self._vault.can_decrypt(row.secrets or "")

    def open_endpoint(self, row: AiProvider) -> Endpoint:
        """Return a provider with its key decrypted; raises VaultError."""
        key = self._vault.decrypt(row.secrets).get("key", "")
        return Endpoint(row.name, row.base_url, row.model, key, row.kind, row.options)

    def _apply(self, session: Session, row: AiProvider, data: ProviderInput, now: int) -> None:
        wrong = self._find_problems(session, row, data)
        if wrong:
            raise InvalidProvider(wrong)
        # A key goes only where it was entered for: whoever changes the address enters it again.
        moved = row.base_url is not None and _parse_origin(row.base_url) != _parse_origin(
            data.base_url.strip()
        )
        if data.key.strip() or data.keyless or moved:
            key = data.key.strip()
            row.secrets = self._vault.encrypt({"key": key}) if key else ""
        # Checked above: numbers arrive as texts from a form or a command line.
        options = KINDS[data.kind].Config.model_validate(dict(data.options))
        row.kind, row.options = data.kind, options.model_dump(mode="json", exclude_unset=True)
        row.name, row.model = data.name.strip(), data.model.strip()
        row.base_url = data.base_url.strip().rstrip("/")
        row.currency, row.prices = data.currency.strip(), prices.parse_lines(data.prices)
        row.updated_at = now

    def _find_problems(self, session: Session, row: AiProvider, data: ProviderInput) -> dict[str, str]:
        found: dict[str, str] = {}
        name = data.name.strip()
        taken = find_provider(session, name)
        if not _NAME.fullmatch(name):
            found["name"] = "Use a short name of small letters, digits, - and _, such as openai."
        elif taken and taken.id != row.id:
            found["name"] = f"There is already a provider called “{name}”."
        if not 1 <= len(data.model.strip()) <= 100:
            found["model"] = "Name the model that is asked, in 1 to 100 characters, such as gpt-4o-mini."
        if not (data.key.strip() or data.keyless or self.has_readable_key(row)):
            found["key"] = "The stored key does not open any more: enter it again, or forget it."
        if not _VISIBLE.fullmatch(data.key.strip()):
            found["key"] = "The key must be one word of plain signs: copy it again without spaces."
        wrong = self._check_address(data.base_url.strip())
        return found | ({"base_url": wrong} if wrong else {}) | _check_prices(data) | _check_options(data)

    def _check_address(self, address: str) -> str:
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


def _check_prices(data: ProviderInput) -> dict[str, str]:
    found: dict[str, str] = {}
    if not prices.is_currency(data.currency.strip()):
        found["currency"] = "Write the three capital letters of a currency, such as USD or EUR."
    try:
        prices.parse_lines(data.prices)
    except prices.WrongPrices as error:
        found["prices"] = str(error)
    return found


def _check_options(data: ProviderInput) -> dict[str, str]:
    """Return the problems of the kind's own settings, by field; their names begin with `option_`."""
    kind = KINDS.get(data.kind)
    if kind is None:
        return {"kind": "Choose one of the kinds in the list."}
    try:
        kind.Config.model_validate(dict(data.options))
    except ValidationError as error:
        return {f"option_{each['loc'][0]}": f"{each['msg']}." for each in error.errors()}
    return {}


def list_kinds() -> list[ProviderKind]:
    """Return the kinds of providers that this installation has, by title."""
    return sorted(KINDS.values(), key=lambda kind: kind.title)


def _parse_origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc.lower()


def list_providers(session: Session) -> list[AiProvider]:
    """List the providers, oldest first: the first one is the default."""
    return list(session.scalars(select(AiProvider).order_by(AiProvider.id)))


def find_provider(session: Session, name: str | None) -> AiProvider | None:
    """Find a provider by its name, or the default one; None when there is none."""
    query = select(AiProvider).order_by(AiProvider.id).limit(1)
    return session.scalar(query if name is None else query.where(AiProvider.name == name))


def get_provider(session: Session, provider_id: int) -> AiProvider:
    """Return a provider by its id; raises ProviderNotFound."""
    row = session.get(AiProvider, provider_id)
    if row is None:
        raise ProviderNotFound("This AI provider is not there any more. Look at the list again.")
    return row


def remove_provider(session: Session, provider_id: int) -> str:
    """Remove a provider and its key; returns its name, raises ProviderNotFound. Its recorded calls stay."""
    row = get_provider(session, provider_id)
    session.delete(row)
    name_action(session, "AI provider removed")
    return row.name
