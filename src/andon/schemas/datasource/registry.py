"""The data sources of all tenants, in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import RLock
from typing import Any, TypedDict, Unpack
from uuid import uuid4

from andon.schemas.datasource.config import DataSourceConfig
from andon.schemas.datasource.errors import DataSourceError
from andon.schemas.datasource.kinds import DataSourceStatus, DataSourceType
from andon.schemas.datasource.moments import utc_now
from andon.schemas.datasource.source import CustomerDataSource
from andon.schemas.datasource.stats import DataSourceStats

# Inside the class `list` is its method.
Sources = list[CustomerDataSource]
Tags = list[str]


class DataSourceChanges(TypedDict, total=False):
    """Name what `DataSourceRegistry.update` can change."""

    name: str
    description: str | None
    config: DataSourceConfig
    tags: list[str]
    metadata: dict[str, Any]
    access_roles: list[str]
    owner_id: str | None


class DataSourceRegistry:
    """Registry for managing customer data sources.

    A name is unique per tenant, a source_id in all of it; a clash or an unknown id raises
    `DataSourceError`, which is a `ValueError`, and changes nothing. The methods are safe from
    several threads. Sources are given out as they are, not as copies: rename one by `update`
    alone, as only that looks for a clash.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._sources: dict[str, CustomerDataSource] = {}

    def __repr__(self) -> str:
        return f"DataSourceRegistry({len(self._sources)} sources)"

    def register(
        self,
        tenant_id: str,
        name: str,
        source_type: DataSourceType,
        config: DataSourceConfig | None = None,
        description: str | None = None,
        tags: Tags | None = None,
        owner_id: str | None = None,
        source_id: str | None = None,
    ) -> CustomerDataSource:
        """Add a source in status `pending`; without a source_id it gets `ds_` + 16 hex digits."""
        source = CustomerDataSource(
            source_id=f"ds_{uuid4().hex[:16]}" if source_id is None else source_id,
            tenant_id=tenant_id,
            name=name,
            source_type=source_type,
            config=config or DataSourceConfig(),
            description=description,
            tags=tags or [],
            owner_id=owner_id,
        )
        source.updated_at = source.created_at
        with self._lock:
            self._require_free_id(source)
            self._require_free_name(source)
            self._sources[source.source_id] = source
        return source

    def get(self, source_id: str) -> CustomerDataSource | None:
        """Give the source with this id, or None."""
        with self._lock:
            return self._sources.get(source_id)

    def get_by_name(self, tenant_id: str, name: str) -> CustomerDataSource | None:
        """Give the tenant's source of this name, or None."""
        with self._lock:
            return next((s for s in self._of(tenant_id) if s.name == name), None)

    def list(
        self,
        tenant_id: str | None = None,
        source_type: DataSourceType | None = None,
        status: DataSourceStatus | None = None,
        tag: str | None = None,
        limit: int | None = 100,
        offset: int = 0,
    ) -> Sources:
        """List the sources that fit every given filter, by name; a limit of None means all."""
        if offset < 0 or (limit is not None and limit < 0):
            raise ValueError("limit and offset must not be below 0")
        with self._lock:
            found = [
                source
                for source in self._of(tenant_id)
                if source_type in (None, source.source_type)
                and status in (None, source.status)
                and (tag is None or tag in source.tags)
            ]
        found.sort(key=lambda source: (source.name, source.tenant_id, source.source_id))
        return found[offset:] if limit is None else found[offset : offset + limit]

    def update(self, source_id: str, **changes: Unpack[DataSourceChanges]) -> CustomerDataSource:
        """Change the given fields, all of them or none; a new config sets `configuring`.

        A field that is not in `DataSourceChanges` raises `TypeError`.
        """
        unknown = changes.keys() - DataSourceChanges.__annotations__.keys()
        if unknown:
            allowed = ", ".join(DataSourceChanges.__annotations__)
            raise TypeError(f"update takes {allowed}")
        with self._lock:
            source = self._require(source_id)
            changed = _changed(source, dict(changes))
            self._require_free_name(changed)
            for name in (*changes, "status", "last_error", "updated_at") if changes else ():
                setattr(source, name, getattr(changed, name))
        return source

    def activate(self, source_id: str) -> CustomerDataSource:
        """Make a source usable; a deprecated one is refused."""
        return self._step(source_id, CustomerDataSource.activate)

    def deactivate(self, source_id: str) -> CustomerDataSource:
        """Take a source out of use; a deprecated one is refused."""
        return self._step(source_id, CustomerDataSource.deactivate)

    def delete(self, source_id: str) -> bool:
        """Remove a source, and free its id and name; False when there is none of this id."""
        with self._lock:
            return self._sources.pop(source_id, None) is not None

    def get_statistics(self, tenant_id: str | None = None) -> DataSourceStats:
        """Count the tenant's sources, or those of all tenants."""
        with self._lock:
            return DataSourceStats.of(self._of(tenant_id))

    def clear_tenant(self, tenant_id: str) -> int:
        """Remove all sources of a tenant and tell how many went."""
        with self._lock:
            gone = [key for key, s in self._sources.items() if s.tenant_id == tenant_id]
            for source_id in gone:
                del self._sources[source_id]
        return len(gone)

    def reset(self) -> None:
        """Remove every source of every tenant."""
        with self._lock:
            self._sources.clear()

    def _of(self, tenant_id: str | None) -> Sources:
        return [s for s in self._sources.values() if tenant_id in (None, s.tenant_id)]

    def _require(self, source_id: str) -> CustomerDataSource:
        source = self._sources.get(source_id)
        if source is None:
            raise DataSourceError("no data source has this id; register it first", source_id)
        return source

    def _require_free_id(self, source: CustomerDataSource) -> None:
        if source.source_id in self._sources:
            raise _error("another data source has this source_id; leave it out to get one", source)

    def _require_free_name(self, source: CustomerDataSource) -> None:
        other = self.get_by_name(source.tenant_id, source.name)
        if other is not None and other.source_id != source.source_id:
            raise _error("the tenant has a data source of this name; choose another name", source)

    def _step(
        self, source_id: str, step: Callable[[CustomerDataSource], None]
    ) -> CustomerDataSource:
        with self._lock:
            source = self._require(source_id)
            try:
                step(source)
            except ValueError as refusal:
                raise _error(str(refusal), source) from None
        return source


def _changed(source: CustomerDataSource, changes: dict[str, Any]) -> CustomerDataSource:
    """Make the changes on a copy, so that a refused one leaves the source as it was."""
    plain = {name: value for name, value in changes.items() if name != "config"}
    try:
        changed = replace(source, **plain, updated_at=utc_now())
        if "config" in changes:
            changed.update_config(changes["config"])
    except ValueError as refusal:
        raise _error(str(refusal), source) from None
    return changed


def _error(message: str, source: CustomerDataSource) -> DataSourceError:
    return DataSourceError(message, source.source_id, source.source_type)
