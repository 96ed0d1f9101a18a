"""An integration: how it is made, changed and shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator

from andon.models.cus_models import CusHealthState, CusIntegrationStatus, CusProviderType
from andon.schemas.cus import credentials, texts
from andon.schemas.cus.base import CusAnswer, CusRequest
from andon.schemas.cus.errors import refusal
from andon.schemas.cus.money import MAX_BUDGET_CENTS

_CONFIG_TEXTS = {
    "region": 100,
    "api_version": 100,
    "deployment": 255,
    "organization": 255,
    "project": 255,
}

Provider = Annotated[CusProviderType, Field(strict=False)]
Budget = Annotated[int, Field(ge=0, le=MAX_BUDGET_CENTS)]


def _check_config(config: dict[str, Any]) -> dict[str, Any]:
    plain = texts.check_json(config, "config")
    base_url = plain.get("base_url")
    if base_url is not None:
        if not isinstance(base_url, str):
            raise refusal("config_type", "give base_url as text")
        credentials.check_base_url(base_url)
    credentials.refuse_embedded(plain)
    for name, longest in _CONFIG_TEXTS.items():
        value = plain.get(name)
        if value is not None and not (isinstance(value, str) and len(value) <= longest):
            raise refusal("config_type", f"give {name} as text of at most {longest} characters")
    return plain


def _check_name(name: str | None) -> str | None:
    if name is not None and not name.strip():
        raise refusal("invalid_text", "give a name that can be seen")
    return name


def _needs_reference() -> Exception:
    return refusal(
        "credential_required", "give credential_ref; only a custom provider goes without"
    )


class CusIntegrationCreate(CusRequest):
    """Request schema for creating a new integration; a limit of 0 is none."""

    name: texts.Text255
    provider_type: Provider
    credential_ref: texts.Text | None = None
    config: dict[str, Any] = Field(default_factory=dict)
    default_model: texts.Text100 | None = None
    budget_limit_cents: Budget = 0
    token_limit_month: texts.Count = 0
    rate_limit_rpm: texts.Count = 0

    @field_validator("credential_ref")
    @classmethod
    def validate_not_raw_key(cls, value: str | None) -> str | None:
        """Accept a reference of a known scheme and nothing else; the error repeats no input."""
        return None if value is None else credentials.check_reference(value)

    @field_validator("name")
    @classmethod
    def see_name(cls, value: str) -> str:
        """Refuse a name of blanks alone."""
        _check_name(value)
        return value

    @field_validator("config")
    @classmethod
    def check_config(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Hold config to 16 KiB of JSON without credentials."""
        return _check_config(value)

    def check_whole(self) -> None:
        """Demand a reference of every provider but `custom`."""
        if self.credential_ref is None and self.provider_type is not CusProviderType.CUSTOM:
            raise _needs_reference()


class CusIntegrationUpdate(CusRequest):
    """Request schema for updating an integration.

    Only the fields that are given change (`model_fields_set`); `credential_ref` and
    `default_model` may be given as null, which clears them.
    """

    name: texts.Text255 | None = None
    provider_type: Provider | None = None
    credential_ref: texts.Text | None = None
    config: dict[str, Any] | None = None
    default_model: texts.Text100 | None = None
    budget_limit_cents: Budget | None = None
    token_limit_month: texts.Count | None = None
    rate_limit_rpm: texts.Count | None = None

    @field_validator(
        "name",
        "provider_type",
        "config",
        "budget_limit_cents",
        "token_limit_month",
        "rate_limit_rpm",
        mode="before",
    )
    @classmethod
    def refuse_null(cls, value: Any) -> Any:
        """Tell null from absent where a field cannot be cleared."""
        if value is None:
            raise refusal("null_not_allowed", "leave this field out to keep it, or give a value")
        return value

    @field_validator("credential_ref")
    @classmethod
    def validate_not_raw_key(cls, value: str | None) -> str | None:
        """Accept a reference of a known scheme and nothing else; the error repeats no input."""
        return None if value is None else credentials.check_reference(value)

    @field_validator("name")
    @classmethod
    def see_name(cls, value: str | None) -> str | None:
        """Refuse a name of blanks alone."""
        return _check_name(value)

    @field_validator("config")
    @classmethod
    def check_config(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        """Hold config to 16 KiB of JSON without credentials."""
        return None if value is None else _check_config(value)

    def check_whole(self) -> None:
        """Refuse to clear the reference of a provider that is said to need one."""
        cleared = "credential_ref" in self.model_fields_set and self.credential_ref is None
        if cleared and self.provider_type not in (None, CusProviderType.CUSTOM):
            raise _needs_reference()


class CusIntegrationResponse(CusAnswer):
    """Full integration details response; the credential and the configuration stay inside."""

    money_twins: ClassVar[Mapping[str, str]] = {"budget_limit_cents": "budget_limit_nanousd"}

    id: str
    tenant_id: str
    name: str
    provider_type: CusProviderType
    status: CusIntegrationStatus
    health_state: CusHealthState
    health_checked_at: datetime | None = None
    health_message: str | None = None
    default_model: str | None = None
    budget_limit_cents: int
    budget_limit_nanousd: int = 0
    token_limit_month: int
    rate_limit_rpm: int
    created_at: datetime
    updated_at: datetime
    created_by: str | None = None


class CusIntegrationSummary(CusAnswer):
    """Integration summary for list views."""

    id: str
    name: str
    provider_type: CusProviderType
    status: CusIntegrationStatus
    health_state: CusHealthState
    default_model: str | None = None
    created_at: datetime
