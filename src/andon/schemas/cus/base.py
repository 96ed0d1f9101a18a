"""What all contracts of customer integrations have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from andon.models.money import NANOUSD_PER_CENT, nanousd_to_cents
from andon.schemas.cus.errors import PLACEHOLDER, hidden, refusal
from andon.schemas.cus.money import agree

_MAX_FIELDS = 100


def _bound_fields(data: Any) -> None:
    # Each unknown field is an error of its own: a million of them must not be listed.
    if isinstance(data, Mapping) and len(data) > _MAX_FIELDS:
        raise refusal("too_many_fields", "send only the fields of the contract")


class CusRequest(BaseModel):
    """Refuse unknown fields, take no value for another, and repeat no input in an error.

    What concerns several fields is checked in `check_whole`: an `after` validator would run
    outside of the guard, and put the whole input into its error.
    """

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    @model_validator(mode="wrap")
    @classmethod
    def hide_inputs(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Pass an error on without what was put in, which may be a secret in the wrong field."""
        try:
            _bound_fields(data)
            made = handler(data)
            made.check_whole()
        except ValidationError as exc:
            safe = hidden(exc)
        except PydanticCustomError as exc:
            line = InitErrorDetails(type=exc, loc=(), input=PLACEHOLDER)
            safe = ValidationError.from_exception_data(cls.__name__, [line], hide_input=True)
        else:
            return made
        raise safe

    def check_whole(self) -> None:
        """Raise a `PydanticCustomError` where the fields contradict each other."""


class CusAnswer(BaseModel):
    """Take what a later server may add without complaint; show every sum on both scales."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    money_twins: ClassVar[Mapping[str, str]] = {}
    """Fields in cents, each with its twin in nano-dollars."""

    @model_validator(mode="before")
    @classmethod
    def fill_cents(cls, data: Any) -> Any:
        """Round nano-dollars to cents where the cents were not given."""
        if not isinstance(data, Mapping):
            return data
        rounded = {
            cents: nanousd_to_cents(data[nanousd])
            for cents, nanousd in cls.money_twins.items()
            if data.get(cents) is None and isinstance(data.get(nanousd), int)
        }
        return {**data, **rounded}

    @model_validator(mode="after")
    def fill_nanousd(self) -> Self:
        """Convert cents to nano-dollars where those were not given; two sides must agree."""
        for cents, nanousd in self.money_twins.items():
            if nanousd in self.model_fields_set:
                agree(cents, getattr(self, cents), getattr(self, nanousd))
            else:
                setattr(self, nanousd, getattr(self, cents) * NANOUSD_PER_CENT)
        return self
