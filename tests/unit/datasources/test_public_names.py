"""The module offers the names that callers rely on, with the standard library alone."""

from __future__ import annotations

import subprocess
import sys

from andon.schemas import datasource_model
from andon.schemas.datasource_model import DataSourceStatus, DataSourceType


def test_every_public_name_is_there() -> None:
    assert {
        "CustomerDataSource",
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
    } <= set(vars(datasource_model))


def test_types_and_states_have_exactly_their_values() -> None:
    assert list(DataSourceType) == [
        "database",
        "document",
        "file",
        "vector",
        "api",
        "stream",
        "custom",
    ]
    assert list(DataSourceStatus) == [
        "pending",
        "configuring",
        "active",
        "inactive",
        "error",
        "deprecated",
    ]


def test_the_schemas_need_the_standard_library_alone() -> None:
    code = (
        "import sys, andon.schemas.datasource_model, andon.schemas.audit_schemas\n"
        "print(sorted({'pydantic', 'sqlalchemy', 'fastapi', 'httpx2'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert found.stdout.strip() == b"[]"
