"""Parents of the permission settings in a brain document."""

from functools import cached_property
from typing import TypeVar

from pydantic import BaseModel, ConfigDict


class Grant(BaseModel):
    """Parent of the settings of all permissions: frozen, unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


G = TypeVar("G", bound=Grant)


class GrantSet(BaseModel):
    """Parent of a document's permissions: one field a capability, null where not granted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of the granted permissions."""
        return frozenset(name for name in type(self).model_fields if getattr(self, name) is not None)

    def get(self, kind: type[G]) -> G | None:
        """Return the permission of this class; None when it is not granted."""
        return next((value for value in self.__dict__.values() if isinstance(value, kind)), None)
