"""Every setting of Andon in one frozen class, read from ANDON_* variables."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def default_home() -> Path:
    """Where the embedded store lives unless ANDON_HOME says otherwise (XDG base directories)."""
    return Path("~/.local/share/andon").expanduser()


class Settings(BaseSettings):
    """What an operator may set; each interval and limit carries its unit in its name."""

    model_config = SettingsConfigDict(
        env_prefix="ANDON_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: SecretStr | None = Field(
        None,
        description="SQLAlchemy URL, `sqlite:////absolute/file.db` or `postgresql://...`; "
        "absent: SQLite under ANDON_HOME",
    )
    migrate_url: SecretStr | None = Field(
        None, description="URL of the role that owns the tables; used by `andon migrate` alone"
    )
    allow_owner: bool = Field(
        False, description="let `serve` log in to PostgreSQL as an owner or superuser (no RLS then)"
    )
    home: Path = Field(default_factory=default_home, description="made with mode 0700")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8750, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    admin_key: SecretStr | None = Field(
        None, description="presets the first admin key, 24 characters or more"
    )
    url: str | None = Field(None, description="server that CLI and SDK talk to")
    key: SecretStr | None = Field(None, description="key that CLI and SDK send")
    slots: int = Field(
        1, ge=1, le=1024, description="slots of a new PostgreSQL database, fixed when it is made"
    )

    body_max_bytes: int = Field(1 << 20, ge=1024, description="largest body of a request")
    ingest_body_max_bytes: int = Field(
        8 << 20, ge=1024, description="largest body of an ingest request"
    )
    ingest_queue_records: int = Field(
        20_000, ge=100, description="records that may wait for a commit; above it 503"
    )
    ingest_tenant_share_percent: int = Field(
        50, ge=1, le=100, description="the part of that queue that one tenant may fill; then 429"
    )
    # At $1,000,000 a call, the most that one may cost, 9,000 calls sum to less than 2**63.
    ingest_group_records: int = Field(
        2_000, ge=100, le=9_000, description="most records of one group commit"
    )
    dedupe_horizon_days: int = Field(35, ge=1, le=3650, description="how long a call_id is exact")
    future_tolerance_seconds: int = Field(
        300, ge=0, description="how far ahead of the store's clock occurred_at may be"
    )
    error_text_days: int = Field(30, ge=1, description="how long error messages are kept")
    usage_retention_months: int = Field(
        0,
        ge=0,
        le=1200,
        description="whole months for which single usage records are kept after the month of "
        "their receipt, sums for ever; 0 keeps both",
    )
    models_per_day: int = Field(200, ge=1, description="distinct models a tenant and day")
    agents_per_day: int = Field(1_000, ge=1, description="distinct agents a tenant and day")
    key_cache_seconds: float = Field(
        1.0, ge=0, le=2, description="how long a checked key is trusted; revocation takes this long"
    )
    integration_cache_seconds: float = Field(
        30.0, ge=0, le=60, description="how long a known integration_id is trusted by ingest"
    )
    last_used_flush_seconds: float = Field(
        5.0, gt=0, description="how often the last use of keys is written"
    )
    sweep_interval_seconds: float = Field(60.0, gt=0, description="between two housekeeping passes")
    verify_interval_seconds: float = Field(
        21_600.0, ge=0, description="between two slow passes over all books; 0 is never"
    )
    idempotency_hours: int = Field(24, ge=1, description="how long an Idempotency-Key is kept")
    read_connections: int = Field(4, ge=1, le=64, description="connections that only read")
    write_connections: int = Field(4, ge=1, le=64, description="PostgreSQL connections that write")
    store_timeout_seconds: float = Field(
        10.0, gt=0, description="longest wait for a connection or a PostgreSQL statement"
    )
    log_level: Annotated[str, NoDecode] = Field("info", description="debug, info, warning or error")

    @field_validator("admin_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or (text := value.get_secret_value()) == "":
            return None
        if not 24 <= len(text) <= 512 or not text.isprintable():
            raise ValueError("ANDON_ADMIN_KEY must have 24 to 512 printable characters")
        return value

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def sqlite_path(self) -> Path | None:
        """The embedded store's file, or None when PostgreSQL is set."""
        if self.database_url is None:
            return self.home / "andon.db"
        url = self.database_url.get_secret_value()
        if not url.startswith("sqlite"):
            return None
        return Path("/" + url.split(":///", 1)[1].lstrip("/"))
