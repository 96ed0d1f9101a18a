"""What a data source can be, and where it can stand."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class DataSourceType(StrEnum):
    """Types of data sources."""

    DATABASE = "database"
    DOCUMENT = "document"
    FILE = "file"
    VECTOR = "vector"
    API = "api"
    STREAM = "stream"
    CUSTOM = "custom"


class DataSourceStatus(StrEnum):
    """Status of a data source.

    pending -> active <-> inactive; a new config makes it `configuring`, a failure `error`, and
    both become active again by activation. `deprecated` is final.
    """

    PENDING = "pending"
    CONFIGURING = "configuring"
    ACTIVE = "active"
    INACTIVE = "inactive"
    ERROR = "error"
    DEPRECATED = "deprecated"


AuthType = Literal["none", "basic", "api_key", "oauth", "iam"]
