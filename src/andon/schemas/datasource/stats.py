"""How many data sources there are, in which state, and how often they connected and failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from andon.schemas.datasource.kinds import DataSourceStatus
from andon.schemas.datasource.source import CustomerDataSource


@dataclass
class DataSourceStats:
    """Statistics for data sources.

    `total_sources` counts those being configured and deprecated ones too, which have no count
    of their own. `sources_by_type` holds only types that occur.
    """

    total_sources: int = 0
    active_sources: int = 0
    inactive_sources: int = 0
    error_sources: int = 0
    pending_sources: int = 0
    sources_by_type: dict[str, int] = field(default_factory=dict)
    total_connections: int = 0
    total_errors: int = 0

    @classmethod
    def of(cls, sources: Iterable[CustomerDataSource]) -> DataSourceStats:
        """Count the given sources."""
        counted = list(sources)
        statuses = Counter(source.status for source in counted)
        types = Counter(source.source_type.value for source in counted)
        return cls(
            total_sources=len(counted),
            active_sources=statuses[DataSourceStatus.ACTIVE],
            inactive_sources=statuses[DataSourceStatus.INACTIVE],
            error_sources=statuses[DataSourceStatus.ERROR],
            pending_sources=statuses[DataSourceStatus.PENDING],
            sources_by_type=dict(sorted(types.items())),
            total_connections=sum(source.connection_count for source in counted),
            total_errors=sum(source.error_count for source in counted),
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the counts under their field names."""
        return asdict(self)
