"""How a data source is reached: its address, its credentials and its pool."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field, fields
from typing import Any, get_args

from andon.schemas.datasource.connection_url import build_url, require_host
from andon.schemas.datasource.kinds import AuthType
from andon.schemas.datasource.redaction import (
    mask_tree,
    redact,
    repeats,
    secrets_in,
    secrets_in_text,
)
from andon.schemas.datasource.secret_text import MASK, mask_connection_string

_TEXTS = (
    "connection_string",
    "host",
    "username",
    "password",
    "database",
    "api_key",
    "ssl_cert_path",
)
_TREES = ("oauth_config", "options")


@dataclass(repr=False)
class DataSourceConfig:
    """Configuration for a data source.

    `pool_timeout` is in seconds. `options` are the driver's own; `options["scheme"]` is the
    scheme of the URL that `get_connection_url` builds. A value out of range raises `ValueError`.
    The repr shows no secret.
    """

    connection_string: str | None = None
    host: str | None = None
    port: int | None = None
    username: str | None = None
    password: str | None = None
    database: str | None = None
    auth_type: AuthType | None = None
    api_key: str | None = None
    oauth_config: dict[str, Any] | None = None
    pool_size: int = 5
    pool_timeout: float = 30
    max_retries: int = 3
    ssl_enabled: bool = False
    ssl_verify: bool = True
    ssl_cert_path: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in _TEXTS:
            _require_text(name, getattr(self, name))
        require_host(self.host or "")
        if not isinstance(self.options, dict) or not isinstance(self.oauth_config, dict | None):
            raise TypeError("options and oauth_config must be dicts of names and values")
        _require_whole("port", 1 if self.port is None else self.port, 1, 65535)
        _require_whole("pool_size", self.pool_size, 1)
        _require_whole("max_retries", self.max_retries, 0)
        _require_seconds(self.pool_timeout)
        if self.auth_type is not None and self.auth_type not in get_args(AuthType):
            raise ValueError(f"auth_type must be one of {', '.join(get_args(AuthType))}")

    def __repr__(self) -> str:
        masked = self.to_dict()
        defaults = DataSourceConfig.__dataclass_fields__
        shown = [f"{k}={v!r}" for k, v in masked.items() if v not in (defaults[k].default, {})]
        return f"DataSourceConfig({', '.join(shown)})"

    def to_dict(self, include_secrets: bool = False) -> dict[str, Any]:
        """Give the config under its field names, every secret masked unless it is asked for.

        Masked are `password`, `api_key`, passwords inside `connection_string`, and whatever in
        `oauth_config` and `options` looks like a secret by its name or its form.
        """
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        return copy.deepcopy(plain) if include_secrets else self._masked(plain)

    def get_connection_url(self, scheme: str | None = None) -> str | None:
        """Give the connection string, or a URL built of the parts; None without a host.

        The scheme is the argument, else `options["scheme"]`, else `postgresql`. The URL holds
        the password: never log it.
        """
        if self.connection_string:
            return self.connection_string
        if not self.host:
            return None
        chosen = str(scheme or self.options.get("scheme") or "postgresql")
        return build_url(chosen, self.host, self.port, self.username, self.password, self.database)

    def redact(self, text: str) -> str:
        """Take the secrets of this config, and all else that looks like one, out of a text."""
        return redact(text, self._secrets())

    def mask(self, value: object) -> object:
        """Give a copy of nested values without the secrets of this config or any other."""
        return mask_tree(value, self._secrets())

    def _masked(self, plain: dict[str, Any]) -> dict[str, Any]:
        secrets = self._secrets()
        for name in ("host", "username", "database", "ssl_cert_path", "oauth_config", "options"):
            plain[name] = mask_tree(plain[name], secrets if name in _TREES else ())
        for name in ("password", "api_key"):
            plain[name] = MASK if plain[name] is not None else None
        if self.connection_string is not None:
            plain["connection_string"] = _masked_string(self.connection_string, secrets)
        return plain

    def _secrets(self) -> set[str]:
        known = {self.password, self.api_key}
        known.update(secrets_in_text(self.connection_string or ""))
        known.update(secrets_in(self.oauth_config), secrets_in(self.options))
        return {secret for secret in known if secret}


def _masked_string(connection_string: str, secrets: set[str]) -> str:
    masked = mask_connection_string(connection_string)
    return MASK if repeats(masked, secrets) else masked


def _require_text(name: str, value: object) -> None:
    if value is None:
        return
    try:
        str.encode(value)  # type: ignore[arg-type]
    except (TypeError, UnicodeError):
        # The cause is cut off: a UnicodeError carries the whole value.
        raise ValueError(f"{name} must be a text that UTF-8 can hold") from None


def _require_whole(name: str, value: object, least: int, most: int | None = None) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not least <= value <= (most or value):  # type: ignore[operator]
        bounds = f"from {least} to {most}" if most else f"of at least {least}"
        raise ValueError(f"{name} must be a whole number {bounds}")


def _require_seconds(value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:  # type: ignore[operator]
        raise ValueError("pool_timeout must be a number of seconds above 0")
