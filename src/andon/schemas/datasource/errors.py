"""What went wrong with a data source, told without its secrets."""

from __future__ import annotations

from typing import Any

from andon.schemas.datasource.kinds import DataSourceType
from andon.schemas.datasource.secret_text import mask_text


class DataSourceError(ValueError):
    """Exception for data source errors.

    What looks like a secret in the message is masked, as it may hold the words of a driver.
    """

    def __init__(
        self,
        message: str,
        source_id: str | None = None,
        source_type: DataSourceType | None = None,
    ) -> None:
        self.message = mask_text(message)
        self.source_id = source_id
        self.source_type = source_type
        super().__init__(self.message)

    def to_dict(self) -> dict[str, Any]:
        """Give message, source_id and source_type, ready for JSON."""
        kind = None if self.source_type is None else DataSourceType(self.source_type).value
        return {"message": self.message, "source_id": self.source_id, "source_type": kind}
