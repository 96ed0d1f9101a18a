"""A config is checked when it is made."""

from __future__ import annotations

from typing import Any

import pytest

from andon.schemas.datasource_model import DataSourceConfig


def test_a_config_has_the_defaults_of_the_contract() -> None:
    assert DataSourceConfig().to_dict() == {
        "connection_string": None,
        "host": None,
        "port": None,
        "username": None,
        "password": None,
        "database": None,
        "auth_type": None,
        "api_key": None,
        "oauth_config": None,
        "pool_size": 5,
        "pool_timeout": 30,
        "max_retries": 3,
        "ssl_enabled": False,
        "ssl_verify": True,
        "ssl_cert_path": None,
        "options": {},
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 0),
        ("port", 65536),
        ("port", -1),
        ("port", "5432"),
        ("port", True),
        ("pool_size", 0),
        ("pool_size", -5),
        ("pool_size", 2.5),
        ("pool_timeout", 0),
        ("pool_timeout", -1),
        ("pool_timeout", float("nan")),
        ("pool_timeout", float("inf")),
        ("pool_timeout", "30"),
        ("max_retries", -1),
        ("auth_type", "kerberos"),
        ("auth_type", ""),
        ("auth_type", "BASIC"),
        ("password", 1234),
        ("host", "db.example.com:5432"),
        ("host", "app:secret@db"),
        ("host", "https://db"),
        ("host", "db\n"),
        ("host", "1::2::3"),
    ],
)
def test_a_value_out_of_range_is_refused_by_the_name_of_its_field(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        DataSourceConfig(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 1),
        ("port", 65535),
        ("pool_size", 1),
        ("pool_timeout", 0.5),
        ("max_retries", 0),
        ("auth_type", "none"),
        ("auth_type", "iam"),
    ],
)
def test_the_ends_of_each_range_are_accepted(name: str, value: Any) -> None:
    assert DataSourceConfig(**{name: value}).to_dict()[name] == value


@pytest.mark.parametrize("name", ["options", "oauth_config"])
def test_nested_settings_must_be_a_dict(name: str) -> None:
    with pytest.raises(TypeError, match="dicts"):
        DataSourceConfig(**{name: ["a"]})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["password", "host", "connection_string", "api_key"])
def test_a_refusal_does_not_repeat_the_value(name: str) -> None:
    with pytest.raises(ValueError, match=name) as refusal:
        DataSourceConfig(**{name: "hunter22@:\ud800"})  # type: ignore[arg-type]
    assert "hunter22" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_to_dict_with_secrets_gives_a_copy_of_everything() -> None:
    config = DataSourceConfig(password="hunter22", options={"ssl": {"key": "k"}})
    given = config.to_dict(include_secrets=True)
    given["options"]["ssl"]["key"] = "changed"
    assert config.options == {"ssl": {"key": "k"}}
    assert given["password"] == "hunter22"


def test_a_config_is_made_again_from_its_dict() -> None:
    config = DataSourceConfig(host="db", port=5432, auth_type="basic", options={"a": 1})
    assert DataSourceConfig(**config.to_dict(include_secrets=True)) == config


def test_configs_do_not_share_their_options() -> None:
    DataSourceConfig().options["a"] = 1
    assert DataSourceConfig().options == {}
