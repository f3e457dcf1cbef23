"""Prompts in a brain document: texts, model, temperature, default answer length, past turns."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.brains import limits

PromptName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]
ModelName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class PromptMemory(BaseModel):
    """Number of past turns sent along; a turn is a contact's message with its answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    turns: Annotated[int, Field(ge=0, le=limits.PROMPT_TURNS)] = 0


class Prompt(BaseModel):
    """Prompt to an AI model: both texts are templates, `model` None = the provider's default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: PromptName
    system: Annotated[str, StringConstraints(max_length=limits.TEMPLATE_CHARS)] = ""
    user: Annotated[str, StringConstraints(min_length=1, max_length=limits.TEMPLATE_CHARS)]
    model: ModelName | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=limits.PROMPT_TOKENS)] = 400
    memory: PromptMemory = PromptMemory()


class PromptAction(BaseModel):
    """Action that sends the answer of a prompt; `otherwise` is sent when no answer comes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["prompt"]
    prompt: PromptName
    otherwise: Annotated[str, StringConstraints(min_length=1, max_length=limits.REPLY_CHARS)] | None = None
    link_preview: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """No templates of its own."""
        return ()
