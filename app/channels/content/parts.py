"""Field types shared by all content: lengths, cleaned texts, files by id or link."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.text import to_storable


def _clean(value: object) -> object:
    return to_storable(value) if isinstance(value, str) else value


def _check_web_address(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise ValueError("must be a web address that begins with https://")
    return value


# Written last in an annotation, so that the limits are checked on the cleaned words.
CLEAN = BeforeValidator(_clean)
NonEmptyText = Annotated[str, Field(min_length=1), CLEAN]
WebAddress = Annotated[str, Field(max_length=2048), AfterValidator(_check_web_address), CLEAN]
Identifier = Annotated[str, Field(min_length=1, max_length=255), CLEAN]
# Captions of files and bodies of interactive messages share one limit.
Body = Annotated[str, Field(min_length=1, max_length=1024), CLEAN]
# Headers and footers share one too.
HeaderText = Annotated[str, Field(min_length=1, max_length=60), CLEAN]
Label = Annotated[str, Field(min_length=1, max_length=20), CLEAN]
Title = Annotated[str, Field(min_length=1, max_length=24), CLEAN]


class Part(BaseModel):
    """A piece of content; a misspelt field is an error, it would vanish silently otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class File(Part):
    """A file, either uploaded before (`media_id`) or fetched by WhatsApp (`link`)."""

    media_id: Identifier | None = None
    link: WebAddress | None = None

    @model_validator(mode="after")
    def _check_one_source(self) -> Self:
        if (self.media_id is None) == (self.link is None):
            raise ValueError("needs either media_id (an uploaded file) or link (a web address), and only one")
        return self
