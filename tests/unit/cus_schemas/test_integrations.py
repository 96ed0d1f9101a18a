"""Integrations: what may be said when one is made or changed, and what is shown of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from andon.models.cus_models import CusHealthState, CusIntegrationStatus, CusProviderType
from andon.schemas.cus_schemas import (
    CusIntegrationCreate,
    CusIntegrationResponse,
    CusIntegrationSummary,
    CusIntegrationUpdate,
)

CREATE: dict[str, Any] = {
    "name": "main",
    "provider_type": "openai",
    "credential_ref": "env://OPENAI_API_KEY",
}
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SHOWN: dict[str, Any] = {
    "id": "int_1",
    "tenant_id": "default",
    "name": "main",
    "provider_type": "openai",
    "status": "created",
    "health_state": "unknown",
    "budget_limit_cents": 100,
    "token_limit_month": 0,
    "rate_limit_rpm": 0,
    "created_at": NOW,
    "updated_at": NOW,
}


def code_of(model: type[Any], **fields: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        model(**fields)
    return str(caught.value.errors()[0]["type"])


def test_defaults_are_no_limits_and_no_config() -> None:
    made = CusIntegrationCreate(**CREATE)
    assert made.provider_type is CusProviderType.OPENAI
    assert (made.budget_limit_cents, made.token_limit_month, made.rate_limit_rpm) == (0, 0, 0)
    assert (made.config, made.default_model) == ({}, None)


def test_only_a_custom_provider_goes_without_a_credential() -> None:
    custom = CusIntegrationCreate(name="own", provider_type=CusProviderType.CUSTOM)
    assert custom.credential_ref is None
    assert code_of(CusIntegrationCreate, name="x", provider_type="openai") == "credential_required"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", "", "string_too_short"),
        ("name", "x" * 256, "string_too_long"),
        ("name", "  ", "invalid_text"),
        ("name", "a\0b", "invalid_text"),
        ("name", "\ud800", "invalid_text"),
        ("provider_type", "acme", "enum"),
        ("default_model", "x" * 101, "string_too_long"),
        ("budget_limit_cents", -1, "greater_than_equal"),
        ("budget_limit_cents", 10**11 + 1, "less_than_equal"),
        ("budget_limit_cents", "5", "int_type"),
        ("budget_limit_cents", 5.0, "int_type"),
        ("token_limit_month", True, "int_type"),
        ("token_limit_month", 2**63, "less_than_equal"),
        ("rate_limit_rpm", -1, "greater_than_equal"),
        ("status", "enabled", "extra_forbidden"),
        ("config", [], "dict_type"),
        ("config", {"x": float("nan")}, "number_out_of_range"),
        ("config", {"x": "y" * 16_400}, "config_too_large"),
        ("config", {"x": NOW}, "not_json"),
        ("config", {"region": 5}, "config_type"),
        ("config", {"base_url": 5}, "config_type"),
    ],
)
def test_what_is_out_of_bounds_is_refused(field: str, value: Any, code: str) -> None:
    assert code_of(CusIntegrationCreate, **{**CREATE, field: value}) == code
    assert code_of(CusIntegrationUpdate, **{field: value}) == code


def test_bounds_are_included() -> None:
    made = CusIntegrationCreate(**{**CREATE, "name": "x" * 255, "budget_limit_cents": 10**11})
    assert made.budget_limit_cents * 10**7 < 2**63


def test_unknown_config_is_kept() -> None:
    config = {"base_url": "https://proxy.example/v1", "region": "eu", "pool": {"size": [1, 2]}}
    assert CusIntegrationCreate(**{**CREATE, "config": config}).config == config


@pytest.mark.parametrize(
    "config",
    [
        {"api_key": "x"},
        {"apiKey": "x"},
        {"deep": [{"client_secret": "x"}]},
        {"headers": {"Authorization": "x"}},
        {"password": "vault://kv/x"},
        {"note": "sk-proj-Canary0123456789abcdefXYZ"},
        {"url": "redis://u:p@host"},
        {"base_url": "https://user@host/v1"},
        {"base_url": "https://user:pw@host/v1"},
    ],
)
def test_credentials_in_config_are_sent_to_credential_ref(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="credential_ref") as caught:
        CusIntegrationCreate(**{**CREATE, "config": config})
    assert caught.value.errors()[0]["type"] == "raw_credential"


@pytest.mark.parametrize(
    "url", ["ftp://host", "host", "//host", "https://", "https://a b", "file:///x", "https://h:x/"]
)
def test_base_url_is_http(url: str) -> None:
    assert code_of(CusIntegrationCreate, **{**CREATE, "config": {"base_url": url}}) == (
        "invalid_base_url"
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "https://[::1]/v1", "https://h/a?b=c"])
def test_base_urls_with_hosts_are_taken(url: str) -> None:
    made = CusIntegrationCreate(**{**CREATE, "config": {"base_url": url}})
    assert made.config["base_url"] == url


def test_an_update_knows_what_was_given() -> None:
    change = CusIntegrationUpdate(name="other", default_model=None)
    assert change.model_fields_set == {"name", "default_model"}
    assert change.model_dump(exclude_unset=True) == {"name": "other", "default_model": None}


@pytest.mark.parametrize(
    "field",
    [
        "name",
        "provider_type",
        "config",
        "budget_limit_cents",
        "token_limit_month",
        "rate_limit_rpm",
    ],
)
def test_an_update_does_not_clear_what_must_be_there(field: str) -> None:
    assert code_of(CusIntegrationUpdate, **{field: None}) == "null_not_allowed"


def test_an_update_clears_the_reference_of_a_custom_provider_alone() -> None:
    assert CusIntegrationUpdate(credential_ref=None).credential_ref is None
    assert CusIntegrationUpdate(provider_type=CusProviderType.CUSTOM, credential_ref=None)
    assert code_of(CusIntegrationUpdate, provider_type="openai", credential_ref=None) == (
        "credential_required"
    )


def test_an_answer_shows_neither_credential_nor_config() -> None:
    shown = CusIntegrationResponse(
        **{**SHOWN, "credential_ref": "vault://x", "config": {"a": 1}}
    ).model_dump()
    assert not {"credential_ref", "config"} & set(shown)
    assert (shown["status"], shown["health_state"]) == (
        CusIntegrationStatus.CREATED,
        CusHealthState.UNKNOWN,
    )


def test_an_answer_carries_the_budget_on_both_scales() -> None:
    assert CusIntegrationResponse(**SHOWN).budget_limit_nanousd == 1_000_000_000


def test_a_summary_takes_its_fields_from_the_whole() -> None:
    summary = CusIntegrationSummary(**SHOWN)
    assert summary.model_dump(mode="json") == {
        "id": "int_1",
        "name": "main",
        "provider_type": "openai",
        "status": "created",
        "health_state": "unknown",
        "default_model": None,
        "created_at": "2026-01-31T12:00:00Z",
    }
