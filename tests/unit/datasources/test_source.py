"""A data source goes through its states, counts what happens, and says who may use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from andon.schemas.datasource_model import (
    CustomerDataSource,
    DataSourceConfig,
    DataSourceStatus,
    DataSourceType,
)

MADE = datetime(2030, 1, 1, tzinfo=UTC)
LATER = datetime(2030, 1, 2, tzinfo=UTC)


def source(**changes: Any) -> CustomerDataSource:
    fields: dict[str, Any] = {
        "source_id": "ds_1",
        "tenant_id": "acme",
        "name": "orders",
        "source_type": DataSourceType.DATABASE,
        "config": DataSourceConfig(host="db", password="hunter22"),
        "created_at": MADE,
        "updated_at": MADE,
    }
    return CustomerDataSource(**fields | changes)


def test_to_dict_is_ready_for_json_and_masked() -> None:
    made = source(tags=["eu"], metadata={"team": "a", "api_key": "k3y"}, last_connected=LATER)
    written = json.loads(json.dumps(made.to_dict()))
    assert written.pop("config")["password"] == "***"
    assert written == {
        "source_id": "ds_1",
        "tenant_id": "acme",
        "name": "orders",
        "source_type": "database",
        "status": "pending",
        "description": None,
        "tags": ["eu"],
        "metadata": {"team": "a", "api_key": "***"},
        "access_roles": [],
        "owner_id": None,
        "last_connected": "2030-01-02T00:00:00+00:00",
        "last_error": None,
        "connection_count": 0,
        "error_count": 0,
        "created_at": "2030-01-01T00:00:00+00:00",
        "updated_at": "2030-01-01T00:00:00+00:00",
    }


def test_to_dict_with_secrets_shows_them() -> None:
    given = source(metadata={"api_key": "k3y"}).to_dict(include_secrets=True)
    assert (given["config"]["password"], given["metadata"]) == ("hunter22", {"api_key": "k3y"})


def test_the_repr_names_the_source_and_no_secret() -> None:
    assert repr(source(metadata={"password": "k3y"})) == (
        "CustomerDataSource(source_id='ds_1', tenant_id='acme', name='orders', "
        "source_type='database', status='pending', "
        "config=DataSourceConfig(host='db', password='***'))"
    )


def test_a_connection_is_counted_and_leaves_the_status() -> None:
    made = source()
    made.record_connection(now=LATER)
    made.record_connection(now=LATER)
    assert (made.connection_count, made.last_connected) == (2, LATER)
    assert (made.status, made.updated_at) == (DataSourceStatus.PENDING, MADE)


def test_an_error_is_counted_and_kept_until_activation() -> None:
    made = source(status=DataSourceStatus.ACTIVE)
    made.record_error("connection refused", now=LATER)
    assert (made.status, made.error_count) == (DataSourceStatus.ERROR, 1)
    assert (made.last_error, made.updated_at) == ("connection refused", LATER)
    made.activate(now=LATER)
    assert (made.status, made.last_error, made.error_count) == ("active", None, 1)


def test_an_error_is_kept_without_the_secrets_of_the_config() -> None:
    made = source()
    made.record_error(ConnectionError("no login with hunter22 nor HUNTER22 at http://a:b@c"))
    assert made.last_error == "no login with *** nor *** at http://a:***@c"


def test_an_error_that_repeats_a_very_short_secret_is_not_kept_at_all() -> None:
    made = source(config=DataSourceConfig(password="e"))
    made.record_error("connection refused")
    assert made.last_error == "***"


def test_a_long_error_is_masked_first_and_cut_then() -> None:
    made = source()
    made.record_error("é" * 2040 + "hunter22" + "x" * 100_000)
    kept = made.last_error or ""
    assert len(kept.encode()) <= 4096
    assert kept.endswith(" ... [cut]")
    assert "hun" not in kept
    assert source(last_error=kept).last_error == kept


def test_an_error_from_a_store_is_masked_too() -> None:
    assert source(last_error="bad hunter22").last_error == "bad ***"


def test_an_error_set_by_hand_is_masked_when_it_is_shown() -> None:
    made = source()
    made.last_error = "bad hunter22"
    assert made.to_dict()["last_error"] == "bad ***"


def test_a_new_config_is_configured_until_it_is_activated() -> None:
    made = source(status=DataSourceStatus.ACTIVE, last_error="role letmein99 is unknown")
    config = DataSourceConfig(host="db2", password="letmein99")
    made.update_config(config, now=LATER)
    assert (made.status, made.updated_at) == (DataSourceStatus.CONFIGURING, LATER)
    assert made.config is config
    assert made.last_error == "role *** is unknown"


def test_a_source_is_deactivated_and_activated_again() -> None:
    made = source()
    made.activate()
    made.deactivate(now=LATER)
    assert (made.status, made.updated_at) == (DataSourceStatus.INACTIVE, LATER)
    made.activate()
    assert made.status is DataSourceStatus.ACTIVE


@pytest.mark.parametrize(
    "revive",
    [
        CustomerDataSource.activate,
        CustomerDataSource.deactivate,
        lambda made: made.update_config(DataSourceConfig(host="db2")),
    ],
)
def test_a_deprecated_source_stays_as_it_is(revive: Callable[[CustomerDataSource], None]) -> None:
    made = source(last_error="gone")
    made.deprecate(now=LATER)
    before = made.to_dict(include_secrets=True)
    with pytest.raises(ValueError, match="deprecated"):
        revive(made)
    assert made.to_dict(include_secrets=True) == before


def test_an_error_does_not_open_a_way_back_from_deprecated() -> None:
    made = source()
    made.deprecate()
    made.record_error("connection refused")
    assert (made.status, made.error_count) == (DataSourceStatus.DEPRECATED, 1)


def test_to_deprecate_twice_changes_nothing() -> None:
    made = source()
    made.deprecate(now=MADE)
    made.deprecate(now=LATER)
    assert (made.status, made.updated_at) == (DataSourceStatus.DEPRECATED, MADE)


def test_tags_are_unique_and_keep_their_order() -> None:
    made = source(tags=["b", "a", "b"])
    assert made.add_tag("c", now=LATER)
    assert not made.add_tag("a")
    assert (made.tags, made.updated_at) == (["b", "a", "c"], LATER)
    assert made.remove_tag("a")
    assert not made.remove_tag("a")
    assert made.tags == ["b", "c"]


def test_an_empty_list_of_roles_means_all_roles() -> None:
    made = source()
    assert made.has_access("anyone")
    assert made.grant_access("analyst")
    assert not made.grant_access("analyst")
    assert made.has_access("analyst")
    assert not made.has_access("anyone")
    assert made.revoke_access("analyst")
    assert not made.revoke_access("analyst")
    assert made.has_access("anyone")


@pytest.mark.parametrize("word", ["", "  "])
def test_a_blank_tag_or_role_is_refused(word: str) -> None:
    made = source()
    with pytest.raises(ValueError, match="tag"):
        made.add_tag(word)
    with pytest.raises(ValueError, match="role"):
        made.grant_access(word)
    assert (made.tags, made.access_roles) == ([], [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("source_id", ""),
        ("tenant_id", " "),
        ("name", ""),
        ("name", None),
        ("source_type", "spreadsheet"),
        ("status", "broken"),
        ("tags", [""]),
        ("access_roles", [None]),
        ("connection_count", -1),
        ("error_count", -1),
        ("created_at", datetime(2030, 1, 1)),  # noqa: DTZ001
        ("updated_at", datetime(2030, 1, 1)),  # noqa: DTZ001
        ("last_connected", datetime(2030, 1, 1)),  # noqa: DTZ001
    ],
)
def test_a_field_out_of_its_form_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        source(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"), [("config", {"host": "db"}), ("metadata", []), ("tags", "eu")]
)
def test_a_field_of_another_kind_is_refused(field: str, value: Any) -> None:
    with pytest.raises(TypeError):
        source(**{field: value})


def test_type_and_status_are_read_from_their_strings() -> None:
    read = source(source_type="vector", status="inactive")
    assert read.source_type is DataSourceType.VECTOR
    assert read.status is DataSourceStatus.INACTIVE


def test_times_are_kept_in_utc() -> None:
    there = timezone(timedelta(hours=-5))
    made = source(created_at=MADE.astimezone(there))
    made.record_connection(now=LATER.astimezone(there))
    assert made.created_at.tzinfo is UTC
    assert made.last_connected is not None
    assert made.last_connected.tzinfo is UTC


def test_a_naive_time_is_refused_and_changes_nothing() -> None:
    made = source()
    naive = datetime(2030, 1, 1)  # noqa: DTZ001
    for act in (made.record_connection, made.activate, made.deprecate):
        with pytest.raises(ValueError, match="time zone"):
            act(now=naive)
    with pytest.raises(ValueError, match="time zone"):
        made.record_error("x", now=naive)
    assert made == source()


def test_without_a_time_the_clock_is_read() -> None:
    made = source()
    before = datetime.now(UTC)
    made.activate()
    assert before <= made.updated_at <= datetime.now(UTC)
