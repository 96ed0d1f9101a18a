"""The one registry of a process, and its short forms."""

from __future__ import annotations

from threading import Lock

from andon.schemas.datasource.config import DataSourceConfig
from andon.schemas.datasource.kinds import DataSourceType
from andon.schemas.datasource.registry import DataSourceRegistry
from andon.schemas.datasource.source import CustomerDataSource

_lock = Lock()
_registry: DataSourceRegistry | None = None


def get_datasource_registry() -> DataSourceRegistry:
    """Get the singleton registry instance, made at the first call."""
    global _registry  # noqa: PLW0603
    with _lock:
        if _registry is None:
            _registry = DataSourceRegistry()
        return _registry


def _reset_registry() -> None:
    """Reset the singleton (for testing): the next call makes a new and empty one."""
    global _registry  # noqa: PLW0603
    with _lock:
        _registry = None


def create_datasource(
    tenant_id: str,
    name: str,
    source_type: DataSourceType,
    config: DataSourceConfig | None = None,
    description: str | None = None,
    tags: list[str] | None = None,
    owner_id: str | None = None,
    source_id: str | None = None,
) -> CustomerDataSource:
    """Create a new data source using the singleton registry."""
    return get_datasource_registry().register(
        tenant_id, name, source_type, config, description, tags, owner_id, source_id
    )


def get_datasource(source_id: str) -> CustomerDataSource | None:
    """Get a data source by ID using the singleton registry."""
    return get_datasource_registry().get(source_id)


def list_datasources(
    tenant_id: str | None = None, source_type: DataSourceType | None = None
) -> list[CustomerDataSource]:
    """List data sources using the singleton registry, all of them."""
    return get_datasource_registry().list(tenant_id, source_type, limit=None)
