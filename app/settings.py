"""Settings from environment variables: names, defaults (web threads, lease, grace, sandbox children), checks."""

import hashlib
import ipaddress
import os
import secrets
import sys
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

import idna
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
_USUAL_PORTS: Final = {"http": 80, "https": 443}


class Settings(BaseSettings):
    """Settings of an installation, one field an environment variable.

    Raises pydantic.ValidationError when a variable has a value it cannot have.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    brainbox_data: Path = Field(
        default=ROOT / "instance", description="Folder for the database, media and the secret key."
    )
    database_url: str = Field(
        default="", description="SQLAlchemy URL; SQLite in the data folder when absent."
    )
    redis_url: str = Field(
        default="", description="Redis for bells and live events between processes; absent = embedded."
    )
    host: str = Field(default="127.0.0.1", description="Address the web process listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port the web process listens on.")
    public_url: str = Field(
        default="",
        description="Address people and Meta reach the installation at, e.g. https://bots.example.com.",
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=10,
        description="Proxies in front whose X-Forwarded-For, -Proto and -Host are believed.",
    )
    secret_key: str = Field(
        default="",
        min_length=16,
        validate_default=False,
        description="Signs sessions and encrypts secrets; made on first start when absent.",
    )
    secret_keys_old: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Former secret keys, comma separated: secrets they encrypted stay readable.",
    )
    graph_base_url: str = Field(
        default="https://graph.facebook.com", description="Base address of the Graph API."
    )
    graph_version: str = Field(
        default="v25.0", pattern=r"^v\d+\.\d+$", description="Version of the Graph API."
    )
    media_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("lookaside.fbsbx.com",),
        description="Hosts media may be downloaded from with a token, comma separated.",
    )
    web_threads: int = Field(
        default=256, ge=4, description="Threads of the web process: more than browsers + 64."
    )
    max_connections: int = Field(
        default=4096,
        ge=16,
        description="Connections the web process holds at once, at most a quarter of its descriptors; "
        "beyond it the longest idle is closed.",
    )
    max_connections_per_address: int = Field(
        default=256,
        ge=4,
        description="Connections of one address; not for this machine's own, and not behind TRUSTED_PROXIES.",
    )
    header_seconds: float = Field(
        default=10, gt=0, le=600, description="How long a request may take to say what it wants."
    )
    body_seconds: float = Field(
        default=30, gt=0, le=600, description="How long the body of a request may take to arrive."
    )
    unverified_megabytes: int = Field(
        default=32,
        ge=8,
        description="Megabytes held of all unfinished requests together; beyond it the largest is refused.",
    )
    worker_name: str = Field(
        default="", description="Stable name of this worker; the host name and a free slot when absent."
    )
    lease_seconds: float = Field(
        default=30, gt=0, description="How long a worker may hold a chat without a sign of life."
    )
    grace_seconds: float = Field(
        default=90, gt=0, description="How long an unknown send waits for its status before it is sent again."
    )
    sweep_seconds: float = Field(default=0.5, gt=0, description="How often the worker looks without a bell.")
    stale_after_seconds: float = Field(
        default=3600, gt=0, description="Older inbound messages are stored but do not trigger a brain."
    )
    sandbox_children: int = Field(
        default=8, ge=1, le=64, description="Sandbox processes a worker may run at once."
    )
    sandbox_mode: Literal["sticky", "strict"] = Field(
        default="sticky",
        description="sticky: a process serves up to 100 runs of one brain version; strict: each run gets its own.",
    )
    sandbox_unsafe: bool = Field(
        default=False,
        description="Run operators' code even where the kernel offers no seccomp; only for machines you trust with it.",
    )
    ai_allow_private: bool = Field(
        default=False,
        description="Let AI providers have private addresses and plain http: for language models of your own.",
    )
    log_level: str = Field(
        default="info", pattern="^(debug|info|warning|error)$", description="Lowest level that is logged."
    )
    log_json: bool | None = Field(
        default=None, description="JSON log lines; by default where standard error is no terminal."
    )
    log_store: bool = Field(
        default=True, description="Keep log lines, searchable under Logs; off: standard error only."
    )
    log_durable: bool = Field(
        default=False,
        description="Answer POST /api/logs after its events are on disk; else at once, and a crash may lose 0.2 s.",
    )
    log_encrypt: bool = Field(default=False, description="Encrypt stored log lines with SECRET_KEY.")
    log_hide_phones: bool = Field(
        default=True, description="Cut phone numbers in log lines down to their last 2 digits."
    )
    log_hide_emails: bool = Field(default=False, description="Take e-mail addresses out of log lines.")
    log_days: int = Field(default=14, ge=1, le=3650, description="Days that log lines are kept.")
    log_error_days: int = Field(default=90, ge=1, le=3650, description="Days that errors are kept.")
    log_megabytes: int = Field(
        default=512, ge=16, description="Megabytes of stored log lines; beyond it the oldest go, errors last."
    )
    log_allow_private: bool = Field(
        default=False,
        description="Let log sinks have private addresses, and send to them without TLS.",
    )
    https_only: bool = Field(
        default=False, description="Mark cookies Secure and send HSTS: set it behind TLS."
    )

    @field_validator("secret_keys_old", "media_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, (v.strip() for v in value.split(",")))) if isinstance(value, str) else value

    @field_validator("graph_base_url")
    @classmethod
    def _strip_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("public_url")
    @classmethod
    def _canonicalise(cls, value: str) -> str:
        # Browsers send it in this form, and it is compared letter by letter.
        return parse_origin(value) if value.strip() else ""

    @model_validator(mode="after")
    def _fill(self) -> Self:
        # Private from the first moment; `app.data_folder` mends what older versions made.
        self.brainbox_data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.database_url:
            url = f"sqlite:///{self.brainbox_data.resolve() / 'brainbox.db'}"
            object.__setattr__(self, "database_url", url)
        if self.database_url.startswith(("postgres://", "postgresql://")):
            rest = self.database_url.split("://", 1)[1]
            object.__setattr__(self, "database_url", f"postgresql+psycopg://{rest}")
        if not self.secret_key:
            object.__setattr__(self, "secret_key", _load_or_create_secret(self.brainbox_data / "secret_key"))
        return self

    @property
    def sqlite_path(self) -> Path | None:
        """The file of the database in the data folder; None for one elsewhere."""
        path = Path(self.database_url.removeprefix("sqlite:///"))
        is_ours = self.database_url.startswith("sqlite:///") and path.parent == self.brainbox_data.resolve()
        return path if is_ours else None

    @property
    def is_embedded(self) -> bool:
        """Whether web and worker share one process."""
        return not self.redis_url

    @property
    def installation_id(self) -> str:
        """A name that tells installations on one host apart, the same in all processes of one: 12 hex digits.

        Of the secret key and the place of the database, so that two that share one of them still differ.
        """
        place = self.database_url.rpartition("@")[2]
        return hashlib.sha256(f"{self.secret_key}\0{place}".encode()).hexdigest()[:12]


def load_settings() -> Settings:
    """Read the environment; ends the process with a line for each variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"  {_describe_problem(each)}" for each in error.errors(include_url=False)]
        sys.exit("\n".join(["Brainbox cannot start with these settings:", *lines]))


def _describe_problem(problem: ErrorDetails) -> str:
    # Without the value: it may be a secret.
    name = str(problem["loc"][0]).upper() if problem["loc"] else "Settings"
    return f"{name}: {problem['msg'].removeprefix('Value error, ')}. See README, Settings."


def _load_or_create_secret(path: Path) -> str:
    """Read the installation's secret key, or create one that only its owner can read."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(file, "w") as opened:
        opened.write(secrets.token_urlsafe(48))
    return path.read_text().strip()


def parse_origin(address: str) -> str:
    """Return the canonical origin of an address such as https://bots.example.com; raises ValueError in plain words.

    The host comes out in lower case and in ASCII (UTS 46, as browsers write it). An address with a path, a query or a
    user name is no origin: what is behind the host would silently be lost.
    """
    try:
        parts = urlsplit(address.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError("this is no web address") from error
    if parts.scheme not in _USUAL_PORTS:
        raise ValueError("it must begin with https:// or http://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave out the user name and password before the @")
    if parts.path.strip("/") or parts.query or parts.fragment or address.strip().endswith(("?", "#")):
        raise ValueError("leave out everything behind the host and port: pages are served from the top")
    usual = port in {None, _USUAL_PORTS[parts.scheme]}
    if port == 0:
        raise ValueError("0 is no port")
    return f"{parts.scheme}://{_parse_host(host)}{'' if usual else f':{port}'}"


def _parse_host(host: str) -> str:
    """Return a host in the form of an origin; raises ValueError."""
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host)}]"
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        pass
    try:
        return idna.encode(host.rstrip("."), uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError(f"“{host}” is no host name") from error
