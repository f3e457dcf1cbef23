"""Settings: frozen, typed, read from the environment once."""

import os
import secrets
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Everything an installation can set, one field an environment variable.

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
    https_only: bool = Field(
        default=False, description="Mark cookies Secure and send HSTS: set it behind TLS."
    )

    @field_validator("secret_keys_old", "media_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, (v.strip() for v in value.split(",")))) if isinstance(value, str) else value

    @field_validator("graph_base_url", "public_url")
    @classmethod
    def _strip_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @model_validator(mode="after")
    def _fill(self) -> Self:
        self.brainbox_data.mkdir(parents=True, exist_ok=True)
        if not self.database_url:
            url = f"sqlite:///{self.brainbox_data.resolve() / 'brainbox.db'}"
            object.__setattr__(self, "database_url", url)
        if self.database_url.startswith(("postgres://", "postgresql://")):
            rest = self.database_url.split("://", 1)[1]
            object.__setattr__(self, "database_url", f"postgresql+psycopg://{rest}")
        if not self.secret_key:
            object.__setattr__(self, "secret_key", _kept_secret(self.brainbox_data / "secret_key"))
        return self

    @property
    def embedded(self) -> bool:
        """Whether web and worker share one process."""
        return not self.redis_url


def _kept_secret(path: Path) -> str:
    """Read the installation's secret key, or make one that only its owner can read."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(file, "w") as opened:
        opened.write(secrets.token_urlsafe(48))
    return path.read_text().strip()
