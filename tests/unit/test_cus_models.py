"""The values of the four enums are what clients and the database have stored."""

from __future__ import annotations

import json
import subprocess
import sys
from enum import StrEnum

import pytest

from andon.models.cus_models import (
    CusHealthState,
    CusIntegrationStatus,
    CusPolicyResult,
    CusProviderType,
)

VALUES: dict[type[StrEnum], list[str]] = {
    CusProviderType: [
        "openai",
        "anthropic",
        "azure_openai",
        "bedrock",
        "custom",
        "google",
        "mistral",
    ],
    CusIntegrationStatus: ["created", "enabled", "disabled", "error"],
    CusHealthState: ["unknown", "healthy", "degraded", "failing"],
    CusPolicyResult: ["allowed", "warned", "blocked"],
}


@pytest.mark.parametrize("enum", VALUES, ids=lambda enum: enum.__name__)
def test_each_enum_has_exactly_its_values(enum: type[StrEnum]) -> None:
    assert [member.value for member in enum] == VALUES[enum]


@pytest.mark.parametrize("enum", VALUES, ids=lambda enum: enum.__name__)
def test_members_are_named_after_their_values(enum: type[StrEnum]) -> None:
    assert [member.name for member in enum] == [member.value.upper() for member in enum]


def test_a_member_is_its_string_in_json_and_in_text() -> None:
    assert json.dumps([CusProviderType.AZURE_OPENAI]) == '["azure_openai"]'
    assert f"{CusPolicyResult.BLOCKED}" == "blocked"


def test_an_unknown_value_is_refused() -> None:
    with pytest.raises(ValueError, match="not a valid CusIntegrationStatus"):
        CusIntegrationStatus("deleted")


def test_the_module_needs_the_standard_library_alone() -> None:
    code = (
        "import sys, andon.models.cus_models\n"
        "print(sorted({'pydantic', 'sqlalchemy', 'fastapi'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert found.stdout.strip() == b"[]"
