"""Interactive content: buttons, lists, links, flows, templates, with WhatsApp's limits (specs: whatsapp A9)."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from app.channels.content.parts import (
    CLEAN,
    Body,
    File,
    HeaderText,
    Identifier,
    Label,
    NonEmptyText,
    Part,
    Title,
    WebAddress,
)

MAX_ROWS = 10


class MediaHeader(File):
    """A picture, film or document above the body."""

    kind: Literal["image", "video", "document"]


class Interactive(Part):
    """What the kinds with a body share."""

    body: Body
    header: HeaderText | MediaHeader | None = None
    footer: HeaderText | None = None


class Button(Part):
    """A button to press; `id` comes back, `title` is shown."""

    id: Annotated[str, Field(min_length=1, max_length=256), CLEAN]
    title: Label


class Buttons(Interactive):
    """A text with one to three buttons."""

    kind: Literal["buttons"] = "buttons"
    buttons: Annotated[list[Button], Field(min_length=1, max_length=3)]

    @model_validator(mode="after")
    def _check_distinct(self) -> Self:
        _check_unique("button ids", [button.id for button in self.buttons])
        _check_unique("button titles", [button.title for button in self.buttons])
        return self


class Row(Part):
    """A choice of a list; `id` comes back."""

    id: Annotated[str, Field(min_length=1, max_length=200), CLEAN]
    title: Title
    description: Annotated[str, Field(min_length=1, max_length=72), CLEAN] | None = None


class Section(Part):
    """Choices of a list, under a title when there are several sections."""

    title: Title | None = None
    rows: Annotated[list[Row], Field(min_length=1, max_length=MAX_ROWS)]


class ListMessage(Part):
    """A text with a button that opens up to ten choices."""

    kind: Literal["list"] = "list"
    body: Body
    header: HeaderText | None = None
    footer: HeaderText | None = None
    button: Label
    sections: Annotated[list[Section], Field(min_length=1, max_length=10)]

    @model_validator(mode="after")
    def _check_rows(self) -> Self:
        rows = [row for section in self.sections for row in section.rows]
        if len(rows) > MAX_ROWS:
            raise ValueError(f"holds at most {MAX_ROWS} rows in all, this one has {len(rows)}")
        if len(self.sections) > 1 and any(section.title is None for section in self.sections):
            raise ValueError("has several sections: give each of them a title")
        _check_unique("row ids", [row.id for row in rows])
        return self


class CtaUrl(Interactive):
    """A text with a button that opens a web address."""

    kind: Literal["cta_url"] = "cta_url"
    display_text: Label
    url: WebAddress


class LocationRequest(Part):
    """A text with a button that sends the person's place."""

    kind: Literal["location_request"] = "location_request"
    body: Body


class Flow(Interactive):
    """A text with a button that opens a WhatsApp Flow."""

    kind: Literal["flow"] = "flow"
    flow_id: Identifier | None = None
    flow_name: Identifier | None = None
    flow_cta: Annotated[str, Field(min_length=1, max_length=30), CLEAN]
    flow_token: Identifier | None = None
    flow_action: Literal["navigate", "data_exchange"] | None = None
    flow_action_payload: dict[str, Any] | None = None
    mode: Literal["draft", "published"] | None = None

    @model_validator(mode="after")
    def _check_one_name(self) -> Self:
        if (self.flow_id is None) == (self.flow_name is None):
            raise ValueError("needs either flow_id or flow_name, and only one")
        return self


class TemplateParameter(Part):
    """A value for a place in a template; its other fields depend on `type` and go out as they are."""

    model_config = ConfigDict(extra="allow")

    type: NonEmptyText


class TemplateComponent(Part):
    """The values for one part of a template."""

    type: Literal["header", "body", "button", "carousel", "limited_time_offer", "order_status"]
    sub_type: (
        Literal["quick_reply", "url", "catalog", "flow", "copy_code", "mpm", "voice_call", "order_details"]
        | None
    ) = None
    index: Annotated[int, Field(ge=0, le=9)] | None = None
    parameters: list[TemplateParameter] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check_button(self) -> Self:
        if self.type == "button" and (self.sub_type is None or self.index is None):
            raise ValueError("of type button needs sub_type and index")
        return self


class Template(Part):
    """An approved template: the only thing that may be sent after the 24-hour window."""

    kind: Literal["template"] = "template"
    name: Annotated[str, Field(min_length=1, max_length=512), CLEAN]
    language: Annotated[str, Field(min_length=1, max_length=15), CLEAN]
    policy: Literal["deterministic"] | None = None
    components: list[TemplateComponent] = Field(default_factory=list)


def _check_unique(what: str, values: Sequence[str]) -> None:
    double = next((value for place, value in enumerate(values) if value in values[:place]), None)
    if double is not None:
        raise ValueError(f"has two {what} “{double}”: each must be different")
