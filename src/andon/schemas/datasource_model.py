"""CustomerDataSource - customer data source models and registry."""

from __future__ import annotations

from andon.schemas.datasource.config import DataSourceConfig
from andon.schemas.datasource.errors import DataSourceError
from andon.schemas.datasource.kinds import AuthType, DataSourceStatus, DataSourceType
from andon.schemas.datasource.registry import DataSourceChanges, DataSourceRegistry
from andon.schemas.datasource.shared import (
    _reset_registry,
    create_datasource,
    get_datasource,
    get_datasource_registry,
    list_datasources,
)
from andon.schemas.datasource.source import CustomerDataSource
from andon.schemas.datasource.stats import DataSourceStats

__all__ = [
    "AuthType",
    "CustomerDataSource",
    "DataSourceChanges",
    "DataSourceConfig",
    "DataSourceError",
    "DataSourceRegistry",
    "DataSourceStats",
    "DataSourceStatus",
    "DataSourceType",
    "_reset_registry",
    "create_datasource",
    "get_datasource",
    "get_datasource_registry",
    "list_datasources",
]
