"""A customer's data source: where it is, who may use it, and how it has fared."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from andon.schemas.datasource.config import DataSourceConfig
from andon.schemas.datasource.kinds import DataSourceStatus, DataSourceType
from andon.schemas.datasource.moments import as_utc, utc_now

ERROR_BYTES = 4096
_CUT = " ... [cut]"
_Kind = TypeVar("_Kind", bound=StrEnum)


@dataclass(repr=False)
class CustomerDataSource:
    """Representation of a customer data source.

    A deprecated source stays deprecated: what would change that raises `ValueError` and changes
    nothing. `updated_at` tells the last change of the source, not its last connection. Times
    are UTC; methods take the time as `now`, by default that of the clock. An object is not
    locked: threads that share one take turns.
    """

    source_id: str
    tenant_id: str
    name: str
    source_type: DataSourceType
    config: DataSourceConfig = field(default_factory=DataSourceConfig)
    status: DataSourceStatus = DataSourceStatus.PENDING
    description: str | None = None
    tags: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    access_roles: list[str] = field(default_factory=list)
    owner_id: str | None = None
    last_connected: datetime | None = None
    last_error: str | None = None
    connection_count: int = 0
    error_count: int = 0
    created_at: datetime = field(default_factory=utc_now)
    updated_at: datetime = field(default_factory=utc_now)

    def __post_init__(self) -> None:
        for name in ("source_id", "tenant_id", "name"):
            _require_word(name, getattr(self, name))
        _require_kind("config", self.config, DataSourceConfig)
        _require_kind("metadata", self.metadata, dict)
        self.source_type = _member(DataSourceType, self.source_type, "source_type")
        self.status = _member(DataSourceStatus, self.status, "status")
        self.tags = _unique("tag", self.tags)
        self.access_roles = _unique("role", self.access_roles)
        self.last_error = self._shown_error()
        if self.connection_count < 0 or self.error_count < 0:
            raise ValueError("connection_count and error_count must not be below 0")
        self._normalise_times()

    def __repr__(self) -> str:
        return (
            f"CustomerDataSource(source_id={self.source_id!r}, tenant_id={self.tenant_id!r}, "
            f"name={self.name!r}, source_type={self.source_type.value!r}, "
            f"status={self.status.value!r}, config={self.config!r})"
        )

    def record_connection(self, *, now: datetime | None = None) -> None:
        """Note that a connection was made; the status stays as it is."""
        self.last_connected = _moment(now)
        self.connection_count += 1

    def record_error(self, error: str | BaseException, *, now: datetime | None = None) -> None:
        """Note a failure and set the status to `error`; a deprecated source keeps its status.

        The text is kept without the secrets of the config, cut at 4096 bytes.
        """
        moment, text = _moment(now), _safe_error(self.config, str(error))
        self.last_error = text
        self.error_count += 1
        if self.status != DataSourceStatus.DEPRECATED:
            self.status = DataSourceStatus.ERROR
        self.updated_at = moment

    def activate(self, *, now: datetime | None = None) -> None:
        """Make the source usable and forget its last error."""
        self._become(DataSourceStatus.ACTIVE, now)
        self.last_error = None

    def deactivate(self, *, now: datetime | None = None) -> None:
        """Take the source out of use until it is activated again."""
        self._become(DataSourceStatus.INACTIVE, now)

    def deprecate(self, *, now: datetime | None = None) -> None:
        """Retire the source for good; to retire it twice changes nothing."""
        if self.status != DataSourceStatus.DEPRECATED:
            self._become(DataSourceStatus.DEPRECATED, now)

    def update_config(self, config: DataSourceConfig, *, now: datetime | None = None) -> None:
        """Replace the config; the source is `configuring` until it is activated."""
        _require_kind("config", config, DataSourceConfig)
        self._become(DataSourceStatus.CONFIGURING, now)
        self.config = config
        self.last_error = self._shown_error()

    def add_tag(self, tag: str, *, now: datetime | None = None) -> bool:
        """Add a tag after the others; False when the source has it already."""
        return self._add("tag", self.tags, tag, now)

    def remove_tag(self, tag: str, *, now: datetime | None = None) -> bool:
        """Remove a tag; False when the source does not have it."""
        return self._remove(self.tags, tag, now)

    def grant_access(self, role: str, *, now: datetime | None = None) -> bool:
        """Let a role use the source; the first grant shuts out every role not named."""
        return self._add("role", self.access_roles, role, now)

    def revoke_access(self, role: str, *, now: datetime | None = None) -> bool:
        """Take a role off the list; False when it is not on it.

        When the last one goes, the list is empty, which means all roles: to shut everyone out,
        deactivate the source.
        """
        return self._remove(self.access_roles, role, now)

    def has_access(self, role: str) -> bool:
        """Tell whether a role may use the source; an empty list of roles means all roles."""
        return not self.access_roles or role in self.access_roles

    def to_dict(self, include_secrets: bool = False) -> dict[str, Any]:
        """Give the source under its field names, ready for JSON, times as ISO 8601.

        Secrets of the config and of `metadata` are masked unless they are asked for.
        """
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        metadata = (
            copy.deepcopy(self.metadata) if include_secrets else self.config.mask(self.metadata)
        )
        last = self.last_connected
        return values | {
            "source_type": self.source_type.value,
            "config": self.config.to_dict(include_secrets),
            "status": self.status.value,
            "tags": list(self.tags),
            "metadata": metadata,
            "access_roles": list(self.access_roles),
            "last_error": self.last_error if include_secrets else self._shown_error(),
            "last_connected": None if last is None else last.isoformat(),
            "created_at": self.created_at.isoformat(),
            "updated_at": self.updated_at.isoformat(),
        }

    def _become(self, status: DataSourceStatus, now: datetime | None) -> None:
        moment = _moment(now)
        if self.status == DataSourceStatus.DEPRECATED:
            raise ValueError("the source is deprecated for good; register a new one instead")
        self.status, self.updated_at = status, moment

    def _add(self, kind: str, words: list[str], word: str, now: datetime | None) -> bool:
        moment = _moment(now)
        _require_word(kind, word)
        if word in words:
            return False
        words.append(word)
        self.updated_at = moment
        return True

    def _remove(self, words: list[str], word: str, now: datetime | None) -> bool:
        moment = _moment(now)
        if word not in words:
            return False
        words.remove(word)
        self.updated_at = moment
        return True

    def _shown_error(self) -> str | None:
        return None if self.last_error is None else _safe_error(self.config, self.last_error)

    def _normalise_times(self) -> None:
        self.created_at = as_utc(self.created_at, "created_at")
        self.updated_at = as_utc(self.updated_at, "updated_at")
        if self.last_connected is not None:
            self.last_connected = as_utc(self.last_connected, "last_connected")


def _moment(now: datetime | None) -> datetime:
    return utc_now() if now is None else as_utc(now, "now")


def _member(kind: type[_Kind], value: str, name: str) -> _Kind:
    if value not in tuple(kind):
        raise ValueError(f"{name} must be one of {', '.join(kind)}")
    return kind(value)


def _require_word(name: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be a text that is not blank")


def _require_kind(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}")


def _unique(kind: str, words: Iterable[str]) -> list[str]:
    if isinstance(words, str) or not isinstance(words, Iterable):
        raise TypeError(f"give every {kind} in a list")
    unique = list(dict.fromkeys(words))
    for word in unique:
        _require_word(kind, word)
    return unique


def _safe_error(config: DataSourceConfig, text: str) -> str:
    # Masked before it is cut: half a secret at the cut would be known no more.
    raw = config.redact(text).encode("utf-8", "replace")
    if len(raw) <= ERROR_BYTES:
        return raw.decode()
    return raw[: ERROR_BYTES - len(_CUT)].decode("utf-8", "ignore") + _CUT
