"""What is shown of a config: everything but its secrets."""

from __future__ import annotations

from typing import Any

import pytest

from andon.schemas.datasource_model import DataSourceConfig, DataSourceError


def shown(connection_string: str) -> str:
    return str(DataSourceConfig(connection_string=connection_string).to_dict()["connection_string"])


@pytest.mark.parametrize(
    ("connection_string", "masked"),
    [
        ("postgresql://ann:s3cret@db:5432/app?a=b", "postgresql://ann:***@db:5432/app?a=b"),
        ("redis://:s3cret@db/0", "redis://:***@db/0"),
        ("postgres://ann:s3@c/r#e?t@db/app", "postgres://ann:***@db/app"),
        ("https://s3cret@git.example/x", "https://***@git.example/x"),
        ("mysql://db/app?password=s3cret&a=b", "mysql://db/app?password=***&a=b"),
        ("https://store/x?sig=s3cret&se=1", "https://store/x?sig=***&se=1"),
        ("mssql:///?odbc_connect=Uid%3Dann%3BPwd%3Ds3cret&a=b", "mssql:///?odbc_connect=***&a=b"),
        ("jdbc:sqlserver://db;user=ann;password=s3&cret;a=b", None),
        ("host=db password=s3cret dbname=app", "host=db password=*** dbname=app"),
        ("host=db password = 's3 cr\\'et' dbname=app", "host=db password = *** dbname=app"),
        ("host=db password=s3;cret dbname=app", "host=db password=*** dbname=app"),
        ("host=db sslpassword=s3cret", "host=db sslpassword=***"),
        ("Server=db;Uid=ann;Pwd=s3 cret;Database=app", "Server=db;Uid=ann;Pwd=***;Database=app"),
        ("Server=db; Password={s3;}}cret};Uid=ann", "Server=db; Password=***;Uid=ann"),
        ('Server=db;User Id=ann;Password="s3;cret";A=b', None),
        ("AccountName=ann;AccountKey=s3cret==;A=b", "AccountName=ann;AccountKey=***;A=b"),
        ("ann:s3cret@tcp(db:3306)/app", "ann:***@tcp(db:3306)/app"),
        ("ann/s3cret@db/service", "ann/***@db/service"),
        ("s3cret", "***"),
        ("", ""),
        ("sqlite:///app.db", "sqlite:///app.db"),
        ("http://db:8080/path", "http://db:8080/path"),
        ("postgresql://ann@db/app", "postgresql://ann@db/app"),
    ],
)
def test_a_connection_string_is_shown_without_its_password(
    connection_string: str, masked: str | None
) -> None:
    text = shown(connection_string)
    assert "cret" not in text
    assert text == masked or masked is None


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "clientSecret",
        "client_secret",
        "refresh-token",
        "ACCESS_TOKEN",
        "apiKey",
        "x-api-key",
        "key",
        "private_key",
        "AccountKey",
        "credentials",
        "PGPASSWORD",
        "passphrase",
        "Authorization",
        "basic_auth",
        "pwd",
        "sas",
        "set_cookie",
        "client-key-data",
    ],
)
def test_a_name_that_announces_a_secret_hides_its_value_at_any_depth(name: str) -> None:
    nested: dict[str, Any] = {"a": [{"b": ({name: "hidden one"},)}, {name: [1234, {"c": "two"}]}]}
    config = DataSourceConfig(options=nested, oauth_config=nested)
    masked = {"a": [{"b": [{name: "***"}]}, {name: "***"}]}
    assert config.to_dict()["options"] == masked
    assert config.to_dict()["oauth_config"] == masked


def test_what_is_no_secret_is_shown() -> None:
    options = {
        "scheme": "mysql",
        "keyspace": "orders",
        "partition_key": "day",
        "key_column": "id",
        "use_token": True,
        "token": None,
        "token_url": "https://login.example/token",
        "timeout": 1.5,
        "hosts": ["a", "b"],
    }
    assert DataSourceConfig(options=options).to_dict()["options"] == options


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("http://ann:s3cret@proxy:3128", "http://ann:***@proxy:3128"),
        ("Bearer s3cret.abc", "***"),
        ("-c password=s3cret", "-c password=***"),
        ('{"password": "s3cret", "a": 1}', '{"password": ***, "a": 1}'),
        (b"s3cret", "***"),
        (["Authorization", "s3cret"], ["Authorization", "***"]),
        ({"name": "X-Api-Key", "value": "s3cret"}, {"name": "X-Api-Key", "value": "***"}),
        ({"http://ann:s3cret@h": 1}, {"http://ann:***@h": 1}),
    ],
)
def test_a_secret_under_a_harmless_name_is_known_by_its_form(value: Any, masked: Any) -> None:
    assert DataSourceConfig(options={"extra": value}).to_dict()["options"] == {"extra": masked}


def test_the_password_is_hidden_where_an_option_repeats_it() -> None:
    config = DataSourceConfig(password="hunter22", options={"init": "set x hunter22", "n": 1})
    assert config.to_dict()["options"] == {"init": "***", "n": 1}


def test_a_value_that_holds_itself_is_shown_to_a_bounded_depth() -> None:
    loop: dict[str, Any] = {"password": "hunter22"}
    loop["again"] = loop
    assert "hunter22" not in repr(DataSourceConfig(options=loop))


def test_the_repr_shows_what_is_set_and_no_secret() -> None:
    config = DataSourceConfig(host="db", port=5432, password="hunter22", api_key="k3y")
    assert repr(config) == "DataSourceConfig(host='db', port=5432, password='***', api_key='***')"


def test_an_error_masks_what_its_message_lets_out() -> None:
    error = DataSourceError("no answer from postgresql://ann:hunter22@db/app", "ds_1")
    assert str(error) == "no answer from postgresql://ann:***@db/app"
    assert "hunter22" not in repr(error)
    assert "hunter22" not in str(error.to_dict())


@pytest.mark.parametrize(
    "attack", ["password='", "password={ ", "://a:", "?a=1", "&a=%41", "password=a;", "a ", "eyJ"]
)
def test_a_hostile_text_is_masked_in_linear_time(attack: str) -> None:
    # Quadratic scanning would run into the limit of the whole run.
    config = DataSourceConfig(options={"text": attack * 20_000})
    assert isinstance(config.to_dict()["options"]["text"], str)
