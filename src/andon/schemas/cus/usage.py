"""One usage record per LLM call: as it is reported, and as it is answered."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails

from andon.models.cus_models import CusPolicyResult
from andon.schemas.cus import texts
from andon.schemas.cus.base import CusAnswer, CusRequest
from andon.schemas.cus.errors import PLACEHOLDER, refusal
from andon.schemas.cus.moments import read_moment
from andon.schemas.cus.money import (
    MAX_CALL_CENTS,
    MAX_CALL_NANOUSD,
    ExactFloat,
    cents_to_nanousd,
    exact_cents,
    read_cents,
)
from andon.schemas.cus.texts import Count, Optional50, Optional100, Optional255, Text, Tokens

UsageSource = Literal["reported", "estimated", "unknown"]


def _number_of(cents: Decimal) -> int | float:
    # Cents of at most 15 significant digits: the shortest float of it is the decimal itself.
    return int(cents) if cents == cents.to_integral_value() else float(cents)


Cents = Annotated[
    Decimal,
    PlainSerializer(_number_of, when_used="json"),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": MAX_CALL_CENTS, "multipleOf": 1e-7}),
]
Moment = Annotated[
    datetime,
    Field(strict=True),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class CusLLMRequestFacts(CusRequest):
    """Say what a call asked for, as far as policies are tested on it; no prompt text."""

    endpoint: Optional255 | None = None
    capability: Optional100 | None = None
    max_tokens_out: Tokens | None = None
    stream: bool | None = None
    has_tools: bool | None = None
    has_images: bool | None = None
    params: dict[str, str] | None = None

    @field_validator("params", mode="before")
    @classmethod
    def count_params(cls, value: Any) -> Any:
        """Hold params to 32 entries."""
        return texts.bound_map(value, "params", texts.MAX_PARAMS)

    @field_validator("params")
    @classmethod
    def bound_params(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        """Hold the names of params to 100 characters and the values to 500."""
        if value is None:
            return None
        return texts.check_map(
            value, "params", key_chars=texts.MAX_NAME_CHARS, value_chars=texts.MAX_PARAM_CHARS
        )


class _UsageFields(CusRequest):
    integration_id: texts.Text100
    call_id: texts.Text100
    session_id: Optional255 | None = None
    agent_id: Optional100 | None = None
    provider: texts.Text50
    model: texts.Text100
    tokens_in: Tokens
    tokens_out: Tokens
    cost_cents: Annotated[Cents, BeforeValidator(read_cents)] | None = Field(
        default=None, description="Cents, read as a decimal; null: not stated, 0: free."
    )
    cost_nanousd: Annotated[int, Field(ge=0, le=MAX_CALL_NANOUSD)] | None = None
    latency_ms: Count | None = None
    policy_result: Annotated[CusPolicyResult, Field(strict=False)] = CusPolicyResult.ALLOWED
    error_code: Optional50 | None = None
    error_message: Text | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    tokens_cache_read: Tokens | None = Field(default=None, description="Included in tokens_in.")
    tokens_cache_write: Tokens | None = Field(default=None, description="Included in tokens_in.")
    tokens_reasoning: Tokens | None = Field(default=None, description="Included in tokens_out.")
    usage_source: UsageSource = "reported"
    request: CusLLMRequestFacts | None = None
    status_code: Annotated[int, Field(ge=100, le=599)] | None = None
    error_class: Optional100 | None = None
    policy_id: Optional100 | None = None
    end_user: Optional100 | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    occurred_at: Annotated[Moment, BeforeValidator(read_moment)] | None = Field(
        default=None, description="RFC 3339 with an offset; default: receipt."
    )


class CusLLMUsageIngest(_UsageFields):
    """Request schema for SDK telemetry ingestion."""

    @field_validator("metadata")
    @classmethod
    def bound_metadata(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Hold metadata to 16 KiB of compact JSON and 32 levels."""
        return texts.check_json(value, "metadata")

    @field_validator("labels", mode="before")
    @classmethod
    def count_labels(cls, value: Any) -> Any:
        """Hold labels to 8 entries."""
        return texts.bound_map(value, "labels", texts.MAX_LABELS)

    @field_validator("labels")
    @classmethod
    def bound_labels(cls, value: dict[str, str]) -> dict[str, str]:
        """Hold the names and values of labels to 100 characters."""
        return texts.check_map(
            value, "labels", key_chars=texts.MAX_NAME_CHARS, value_chars=texts.MAX_LABEL_CHARS
        )

    def check_whole(self) -> None:
        """Compare what is included with what includes it, and the cost with its twin."""
        cached = (self.tokens_cache_read or 0) + (self.tokens_cache_write or 0)
        if cached > self.tokens_in:
            raise refusal(
                "tokens_exceed_total",
                "tokens_cache_read and tokens_cache_write are included in tokens_in; add them",
            )
        if (self.tokens_reasoning or 0) > self.tokens_out:
            raise refusal(
                "tokens_exceed_total", "tokens_reasoning is included in tokens_out; add it"
            )
        if None not in (self.cost_cents, self.cost_nanousd) and (
            _nanousd(self.cost_cents) != self.cost_nanousd
        ):
            raise refusal(
                "cost_mismatch",
                "cost_cents and cost_nanousd must say the same (1 cent = 10,000,000); send one",
            )

    @property
    def cost_nanousd_stated(self) -> int | None:
        """Give the stated cost in nano-dollars, exactly; None when none was stated."""
        return _nanousd(self.cost_cents) if self.cost_nanousd is None else self.cost_nanousd

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Read a record from JSON with its numbers as they are written, never through a float."""
        return cls.model_validate(_load_exactly(cls.__name__, json_data), **options)


def _nanousd(cents: Decimal | None) -> int | None:
    return None if cents is None else cents_to_nanousd(cents)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_float=ExactFloat, parse_constant=_refuse_constant)


def _load_exactly(title: str, data: str | bytes | bytearray) -> Any:
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        line = InitErrorDetails(
            type=refusal("json_invalid", "send valid JSON (RFC 8259, UTF-8 without a BOM)"),
            loc=(),
            input=PLACEHOLDER,
        )
    raise ValidationError.from_exception_data(title, [line], hide_input=True)


class CusLLMUsageBatchIngest(CusRequest):
    """Request schema for batch telemetry ingestion."""

    records: Annotated[list[CusLLMUsageIngest], Field(min_length=1, max_length=100)]


class CusLLMUsageResponse(CusAnswer):
    """Individual usage record response."""

    id: str
    integration_id: str
    call_id: str
    session_id: str | None = None
    agent_id: str | None = None
    provider: str
    model: str
    tokens_in: int
    tokens_out: int
    cost_cents: Cents | None = None
    cost_nanousd: int | None = None
    latency_ms: int | None = None
    policy_result: CusPolicyResult = CusPolicyResult.ALLOWED
    error_code: str | None = None
    error_message: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    tokens_cache_read: int | None = None
    tokens_cache_write: int | None = None
    tokens_reasoning: int | None = None
    usage_source: UsageSource = "reported"
    request: dict[str, Any] | None = None
    status_code: int | None = None
    error_class: str | None = None
    policy_id: str | None = None
    end_user: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    occurred_at: datetime | None = None
    created_at: datetime

    @model_validator(mode="after")
    def fill_cost(self) -> Self:
        """Write the cost on both scales, exactly; null on both when the price is unknown."""
        if self.cost_nanousd is None:
            self.cost_nanousd = _nanousd(self.cost_cents)
        elif self.cost_cents is None:
            self.cost_cents = exact_cents(self.cost_nanousd)
        elif _nanousd(self.cost_cents) != self.cost_nanousd:
            raise refusal("cost_mismatch", "cost_cents and cost_nanousd must say the same")
        return self
