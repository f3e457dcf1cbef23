"""Prompts as an operator writes them: what the model is, what it is asked, and how much it may say."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.brains import limits

PromptName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]
ModelName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class PromptMemory(BaseModel):
    """How many past turns of the chat go along: one is what a person wrote and what was answered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    turns: Annotated[int, Field(ge=0, le=limits.PROMPT_TURNS)] = 0


class Prompt(BaseModel):
    """A question to a language model: both texts are templates, `model` null = the provider's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: PromptName
    system: Annotated[str, StringConstraints(max_length=limits.TEMPLATE_CHARS)] = ""
    user: Annotated[str, StringConstraints(min_length=1, max_length=limits.TEMPLATE_CHARS)]
    model: ModelName | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=limits.PROMPT_TOKENS)] = 400
    memory: PromptMemory = PromptMemory()


class PromptAction(BaseModel):
    """A prompt whose answer is sent; `otherwise` is said when no answer comes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["prompt"]
    prompt: PromptName
    otherwise: Annotated[str, StringConstraints(min_length=1, max_length=limits.REPLY_CHARS)] | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """No templates of its own."""
        return ()
