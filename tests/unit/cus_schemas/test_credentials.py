"""A credential is only ever a reference, and no error repeats what was put in its place."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from andon.schemas.cus_schemas import CusIntegrationCreate, CusIntegrationUpdate, safe_errors

CANARY = "sk-proj-Canary0123456789abcdefXYZ"
CREATE: dict[str, Any] = {
    "name": "main",
    "provider_type": "openai",
    "credential_ref": "vault://kv/openai",
}

REFERENCES = [
    "vault://andon/default/openai#key",
    "env://OPENAI_API_KEY",
    "file://openai.key",
    "encrypted:v1:gAAAAABlZ0x2bXlzZWNyZXQ=",
    "aws-sm://prod/openai",
    "gcp-sm://projects/p/secrets/s/versions/latest",
    "azure-kv://vault/secret",
]
RAW = [
    CANARY,
    "sk-ant-api03-" + "a1" * 30,
    "AIza" + "b2" * 18,
    "AKIAIOSFODNN7EXAMPLE",
    "vault://" + CANARY,
    "encrypted:" + CANARY,
    "file://" + CANARY,
    "vault://user:hunter2@host/path",
]
UNKNOWN = [
    "0123456789abcdef0123456789abcdef",
    "openai",
    "",
    " vault://a",
    "VAULT://a",
    "http://secret.example/key",
    "hunter2",
]
MALFORMED = ["vault://", "env://", "env://A-B", "file://../etc/passwd", "vault://a b", "env://ü"]


def errors_of(model: type[Any], fields: dict[str, Any]) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        model(**fields)
    return caught.value


def everything_said(error: ValidationError) -> str:
    """Collect all that an error can say, its traceback's last lines included."""
    said = [str(error), repr(error), error.json(), repr(error.errors()), repr(safe_errors(error))]
    said += traceback.format_exception_only(error)
    said += [repr(error.__cause__), repr(error.__context__)]
    return "\n".join(said)


@pytest.mark.parametrize("reference", REFERENCES)
def test_references_of_known_schemes_are_taken(reference: str) -> None:
    made = CusIntegrationCreate(**{**CREATE, "credential_ref": reference})
    assert made.credential_ref == reference
    assert CusIntegrationUpdate(credential_ref=reference).credential_ref == reference


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        *((raw, "raw_credential") for raw in RAW),
        *((unknown, "unknown_credential_scheme") for unknown in UNKNOWN),
        *((bad, "invalid_credential_ref") for bad in MALFORMED),
    ],
)
def test_anything_else_is_refused(reference: str, code: str) -> None:
    for model, fields in ((CusIntegrationCreate, CREATE), (CusIntegrationUpdate, {})):
        error = errors_of(model, {**fields, "credential_ref": reference})
        assert [(line["type"], line["loc"]) for line in error.errors()] == [
            (code, ("credential_ref",))
        ]


def test_the_validator_can_be_asked_by_itself() -> None:
    assert CusIntegrationCreate.validate_not_raw_key("env://A") == "env://A"
    assert CusIntegrationUpdate.validate_not_raw_key(None) is None
    with pytest.raises(ValueError, match="secret store") as caught:
        CusIntegrationCreate.validate_not_raw_key(CANARY)
    assert CANARY not in str(caught.value) + repr(caught.value)


LEAKS: list[dict[str, Any]] = [
    {"credential_ref": CANARY},
    {"credential_ref": CANARY, "name": ""},
    {"credential_ref": CANARY, "rate_limit_rpm": "many"},
    {"credential_ref": [CANARY]},
    {"credential_ref": {CANARY: CANARY}},
    {"credential_ref": CANARY.encode()},
    {"credential_ref": CANARY + "\0"},
    {"name": CANARY * 20},
    {"provider_type": CANARY},
    {"config": {"api_key": CANARY}},
    {"config": {CANARY: 1}},
    {"config": {"headers": [{"x": f"Bearer {CANARY}"}]}},
    {"config": {"base_url": f"https://u:{CANARY}@host"}},
    {"config": CANARY},
    {"config": {1: CANARY}},
    {"default_model": CANARY * 4},
    {"budget_limit_cents": CANARY},
    {CANARY: CANARY},
    {"status": CANARY},
]


@pytest.mark.parametrize("wrong", LEAKS, ids=range(len(LEAKS)))
@pytest.mark.parametrize("missing", [None, "name", "provider_type", "credential_ref"])
def test_no_error_repeats_a_key(wrong: dict[str, Any], missing: str | None) -> None:
    fields = {name: value for name, value in {**CREATE, **wrong}.items() if name != missing}
    assert CANARY not in everything_said(errors_of(CusIntegrationCreate, fields))


@pytest.mark.parametrize("wrong", LEAKS, ids=range(len(LEAKS)))
def test_nor_does_an_update(wrong: dict[str, Any]) -> None:
    assert CANARY not in everything_said(errors_of(CusIntegrationUpdate, wrong))


def test_nor_does_a_missing_reference_show_the_other_fields() -> None:
    error = errors_of(CusIntegrationCreate, {"name": f"x{CANARY[:200]}", "provider_type": "openai"})
    assert [line["type"] for line in error.errors()] == ["credential_required"]
    assert CANARY not in everything_said(error)


def test_nor_does_a_key_in_a_list_of_models_or_in_json() -> None:
    adapter = TypeAdapter(list[CusIntegrationCreate])
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python([{"credential_ref": CANARY}])
    assert CANARY not in everything_said(caught.value)
    assert caught.value.errors()[0]["loc"] == (0, "name")
    with pytest.raises(ValidationError) as caught:
        CusIntegrationCreate.model_validate_json(f'{{"credential_ref": "{CANARY}"}}')
    assert CANARY not in everything_said(caught.value)


def test_safe_errors_say_where_what_and_why_alone() -> None:
    error = errors_of(CusIntegrationCreate, {**CREATE, "rate_limit_rpm": -1})
    assert safe_errors(error) == [
        {
            "loc": ("rate_limit_rpm",),
            "type": "greater_than_equal",
            "msg": "Input should be greater than or equal to 0",
        }
    ]
