"""The registry keeps names unique per tenant, finds sources and counts them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from andon.schemas.datasource_model import (
    CustomerDataSource,
    DataSourceConfig,
    DataSourceError,
    DataSourceRegistry,
    DataSourceStatus,
    DataSourceType,
)

DATABASE, API = DataSourceType.DATABASE, DataSourceType.API


@pytest.fixture
def registry() -> DataSourceRegistry:
    return DataSourceRegistry()


def everything(registry: DataSourceRegistry) -> list[dict[str, Any]]:
    return [source.to_dict(include_secrets=True) for source in registry.list(limit=None)]


def names(sources: list[CustomerDataSource]) -> list[str]:
    return [source.name for source in sources]


def test_a_registered_source_is_pending_and_found(registry: DataSourceRegistry) -> None:
    config = DataSourceConfig(host="db")
    made = registry.register("acme", "orders", DATABASE, config, "Orders", ["eu"], "usr_1")
    assert re.fullmatch(r"ds_[0-9a-f]{16}", made.source_id)
    assert (made.status, made.config) == (DataSourceStatus.PENDING, config)
    assert (made.description, made.tags, made.owner_id) == ("Orders", ["eu"], "usr_1")
    assert made.created_at == made.updated_at
    assert registry.get(made.source_id) is made
    assert registry.get_by_name("acme", "orders") is made


def test_a_source_can_bring_its_id(registry: DataSourceRegistry) -> None:
    made = registry.register("acme", "orders", DATABASE, source_id="ds_mine")
    assert registry.get("ds_mine") is made


def test_what_is_not_there_is_none(registry: DataSourceRegistry) -> None:
    registry.register("acme", "orders", DATABASE)
    assert registry.get("ds_1") is None
    assert registry.get_by_name("acme", "Orders") is None
    assert registry.get_by_name("other", "orders") is None


def test_a_name_is_taken_once_per_tenant(registry: DataSourceRegistry) -> None:
    registry.register("acme", "orders", DATABASE)
    registry.register("other", "orders", DATABASE)
    before = everything(registry)
    with pytest.raises(DataSourceError, match="choose another name") as clash:
        registry.register("acme", "orders", API, source_id="ds_1")
    assert clash.value.to_dict() == {
        "message": str(clash.value),
        "source_id": "ds_1",
        "source_type": "api",
    }
    assert everything(registry) == before


def test_an_id_is_taken_once_in_all_tenants(registry: DataSourceRegistry) -> None:
    registry.register("acme", "orders", DATABASE, source_id="ds_1")
    before = everything(registry)
    with pytest.raises(DataSourceError, match="source_id"):
        registry.register("other", "stock", DATABASE, source_id="ds_1")
    assert everything(registry) == before


def test_the_list_is_sorted_by_name_and_paged(registry: DataSourceRegistry) -> None:
    for name in ("d", "a", "c", "b"):
        registry.register("acme", name, DATABASE)
    assert names(registry.list()) == ["a", "b", "c", "d"]
    assert names(registry.list(limit=2, offset=1)) == ["b", "c"]
    assert registry.list(limit=0) == []
    assert registry.list(offset=9) == []


def test_the_list_holds_100_unless_told_otherwise(registry: DataSourceRegistry) -> None:
    for number in range(101):
        registry.register("acme", f"source {number}", DATABASE)
    assert len(registry.list()) == 100
    assert len(registry.list(limit=None)) == 101


def test_the_list_is_filtered(registry: DataSourceRegistry) -> None:
    registry.register("acme", "a", DATABASE, tags=["eu"])
    registry.activate(registry.register("acme", "b", API, tags=["eu", "hot"]).source_id)
    registry.register("other", "c", API)
    assert names(registry.list("acme")) == ["a", "b"]
    assert names(registry.list(source_type=API)) == ["b", "c"]
    assert names(registry.list(status=DataSourceStatus.PENDING)) == ["a", "c"]
    assert names(registry.list(tag="eu")) == ["a", "b"]
    assert names(registry.list("acme", API, DataSourceStatus.ACTIVE, "hot")) == ["b"]
    assert registry.list("acme", tag="cold") == []


@pytest.mark.parametrize("paging", [{"limit": -1}, {"offset": -1}])
def test_negative_paging_is_refused(registry: DataSourceRegistry, paging: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="below 0"):
        registry.list(limit=paging.get("limit", 1), offset=paging.get("offset", 0))


def test_update_changes_what_is_given(registry: DataSourceRegistry) -> None:
    made = registry.register("acme", "orders", DATABASE, description="old", tags=["eu"])
    made.updated_at = datetime(2020, 1, 1, tzinfo=UTC)
    changed = registry.update(
        made.source_id,
        name="sales",
        description=None,
        tags=["us", "us"],
        metadata={"a": 1},
        access_roles=["analyst"],
        owner_id="usr_2",
    )
    assert changed is made
    assert (made.name, made.description, made.tags) == ("sales", None, ["us"])
    assert (made.metadata, made.access_roles, made.owner_id) == ({"a": 1}, ["analyst"], "usr_2")
    assert made.status is DataSourceStatus.PENDING
    assert made.updated_at >= made.created_at
    assert registry.get_by_name("acme", "orders") is None
    assert registry.get_by_name("acme", "sales") is made


def test_update_with_a_config_begins_configuring(registry: DataSourceRegistry) -> None:
    made = registry.register("acme", "orders", DATABASE)
    registry.activate(made.source_id)
    registry.update(made.source_id, config=DataSourceConfig(host="db2"))
    assert (made.status, made.config.host) == (DataSourceStatus.CONFIGURING, "db2")


def test_update_keeps_what_the_source_counts(registry: DataSourceRegistry) -> None:
    made = registry.register("acme", "orders", DATABASE)
    made.record_connection()
    made.record_error("refused")
    registry.update(made.source_id, name="sales")
    assert (made.connection_count, made.error_count, made.last_error) == (1, 1, "refused")


def test_update_of_nothing_changes_nothing(registry: DataSourceRegistry) -> None:
    made = registry.register("acme", "orders", DATABASE)
    before = made.to_dict()
    assert registry.update(made.source_id).to_dict() == before


def test_a_source_keeps_its_name_in_an_update(registry: DataSourceRegistry) -> None:
    made = registry.register("acme", "orders", DATABASE)
    assert registry.update(made.source_id, name="orders", description="x").description == "x"


def test_a_rename_onto_another_name_changes_nothing(registry: DataSourceRegistry) -> None:
    registry.register("acme", "orders", DATABASE)
    made = registry.register("acme", "stock", DATABASE)
    before = everything(registry)
    with pytest.raises(DataSourceError, match="choose another name"):
        registry.update(made.source_id, description="new", name="orders")
    assert everything(registry) == before


@pytest.mark.parametrize("changes", [{"name": " "}, {"tags": ["a", ""]}])
def test_a_refused_field_changes_nothing(
    registry: DataSourceRegistry, changes: dict[str, Any]
) -> None:
    made = registry.register("acme", "orders", DATABASE)
    before = everything(registry)
    with pytest.raises(DataSourceError):
        registry.update(made.source_id, description="new", **changes)
    assert everything(registry) == before


@pytest.mark.parametrize("field", ["status", "tenant_id", "source_type", "colour"])
def test_a_field_that_update_does_not_take_is_refused(
    registry: DataSourceRegistry, field: str
) -> None:
    made = registry.register("acme", "orders", DATABASE)
    changes: dict[str, Any] = {field: "x"}
    with pytest.raises(TypeError, match="update takes name"):
        registry.update(made.source_id, **changes)


@pytest.mark.parametrize(
    "act",
    [
        DataSourceRegistry.activate,
        DataSourceRegistry.deactivate,
        lambda registry, source_id: registry.update(source_id, name="x"),
    ],
)
def test_an_unknown_id_is_refused(
    registry: DataSourceRegistry, act: Callable[[DataSourceRegistry, str], object]
) -> None:
    with pytest.raises(DataSourceError, match="no data source has this id") as refusal:
        act(registry, "ds_9")
    assert refusal.value.source_id == "ds_9"


def test_sources_are_activated_and_deactivated(registry: DataSourceRegistry) -> None:
    made = registry.register("acme", "orders", DATABASE)
    assert registry.activate(made.source_id).status is DataSourceStatus.ACTIVE
    assert registry.deactivate(made.source_id).status is DataSourceStatus.INACTIVE


@pytest.mark.parametrize(
    "act",
    [
        DataSourceRegistry.activate,
        DataSourceRegistry.deactivate,
        lambda registry, key: registry.update(key, name="x", config=DataSourceConfig()),
    ],
)
def test_a_deprecated_source_is_not_revived(
    registry: DataSourceRegistry, act: Callable[[DataSourceRegistry, str], object]
) -> None:
    made = registry.register("acme", "orders", DATABASE)
    made.deprecate()
    before = everything(registry)
    with pytest.raises(DataSourceError, match="deprecated") as refusal:
        act(registry, made.source_id)
    assert (refusal.value.source_id, refusal.value.source_type) == (made.source_id, DATABASE)
    assert everything(registry) == before


def test_a_deleted_source_frees_its_name_and_id(registry: DataSourceRegistry) -> None:
    made = registry.register("acme", "orders", DATABASE)
    assert registry.delete(made.source_id)
    assert not registry.delete(made.source_id)
    assert registry.register("acme", "orders", DATABASE, source_id=made.source_id) is not made


def test_a_tenant_is_cleared_alone(registry: DataSourceRegistry) -> None:
    for tenant, name in (("acme", "a"), ("acme", "b"), ("other", "c")):
        registry.register(tenant, name, DATABASE)
    assert registry.clear_tenant("acme") == 2
    assert registry.clear_tenant("acme") == 0
    assert names(registry.list()) == ["c"]


def test_reset_removes_everything(registry: DataSourceRegistry) -> None:
    registry.register("acme", "a", DATABASE)
    registry.reset()
    assert registry.list() == []


def test_statistics_count_by_state_and_type(registry: DataSourceRegistry) -> None:
    made = [registry.register("acme", name, DATABASE) for name in "abcdef"]
    registry.activate(made[0].source_id)
    registry.deactivate(made[1].source_id)
    made[2].record_error("refused")
    made[3].deprecate()
    made[4].update_config(DataSourceConfig(host="db"))
    made[0].record_connection()
    registry.register("other", "g", API).record_connection()
    assert registry.get_statistics("acme").to_dict() == {
        "total_sources": 6,
        "active_sources": 1,
        "inactive_sources": 1,
        "error_sources": 1,
        "pending_sources": 1,
        "sources_by_type": {"database": 6},
        "total_connections": 1,
        "total_errors": 1,
    }
    assert registry.get_statistics().sources_by_type == {"api": 1, "database": 6}
    assert registry.get_statistics().total_connections == 2
    assert registry.get_statistics("nobody").to_dict()["total_sources"] == 0
