"""Whatever a secret is made of, nothing that is shown holds it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from andon.schemas.datasource_model import (
    CustomerDataSource,
    DataSourceConfig,
    DataSourceError,
    DataSourceRegistry,
    DataSourceType,
)

SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=40)
ANY_SECRET = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def _braced(secret: str) -> str:
    return "{" + secret.replace("}", "}}") + "}"


def _backslashed(secret: str) -> str:
    escaped = secret.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "password": lambda s: {"password": s},
    "api_key": lambda s: {"api_key": s},
    "raw_url": lambda s: {"connection_string": f"postgresql://ann:{s}@db/app"},
    "encoded_url": lambda s: {"connection_string": f"mysql://ann:{quote(s, safe='')}@db"},
    "url_query": lambda s: {"connection_string": f"mysql://db/?password={quote_plus(s)}&a=b"},
    "odbc": lambda s: {"connection_string": f"Server=db;Pwd={_braced(s)};Database=app"},
    "libpq": lambda s: {"connection_string": f"host=db password={_backslashed(s)} dbname=app"},
    "oauth": lambda s: {"oauth_config": {"client_secret": s}},
    "deep": lambda s: {"options": {"a": [{"b": {"private_key": [s]}}]}},
    "url_value": lambda s: {"options": {"proxy": f"http://ann:{quote(s, safe='')}@proxy"}},
}
EVERYWHERE = pytest.mark.parametrize("place", PLACES.values(), ids=list(PLACES))


def faces(config: DataSourceConfig) -> str:
    """Give all that a config and its source show of themselves, in one text."""
    source = CustomerDataSource("ds_1", "acme", "orders", DataSourceType.DATABASE, config)
    source.created_at = source.updated_at = source.created_at.replace(2030, 1, 1, 0, 0, 0, 0)
    registry = DataSourceRegistry()
    registry.register("acme", "orders", DataSourceType.DATABASE, config)
    told = [repr(config), repr(source), repr(registry), f"{source}"]
    told += [repr(config.to_dict()), repr(source.to_dict())]
    return "".join([*told, json.dumps(source.to_dict(), ensure_ascii=False)])


@EVERYWHERE
@given(secret=SECRETS)
def test_no_face_of_a_config_shows_its_secret(
    place: Callable[[str], dict[str, Any]], secret: str
) -> None:
    assume(secret not in faces(DataSourceConfig(**place("qqqqqqqq"))))
    text = faces(DataSourceConfig(**place(secret)))
    assert secret not in text
    assert repr(secret)[1:-1] not in text


@EVERYWHERE
@given(secret=ANY_SECRET, before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_stored_error_repeats_a_secret(
    place: Callable[[str], dict[str, Any]], secret: str, before: str, after: str
) -> None:
    assume(secret not in "***")
    config = DataSourceConfig(**place(secret))
    source = CustomerDataSource("ds_1", "acme", "orders", DataSourceType.DATABASE, config)
    source.record_error(f"{before}{secret}{after}")
    assert secret not in (source.last_error or "")


@given(secret=SECRETS)
@pytest.mark.parametrize("spell", [repr, json.dumps, quote, quote_plus])
def test_an_error_that_spells_the_secret_otherwise_is_masked(
    spell: Callable[[str], str], secret: str
) -> None:
    assume(secret not in "rejected: ***" and spell(secret) not in "rejected: ***")
    source = CustomerDataSource("ds_1", "acme", "orders", DataSourceType.API)
    source.update_config(DataSourceConfig(api_key=secret))
    source.record_error(f"rejected: {spell(secret)}")
    assert spell(secret).strip("'\"") not in (source.last_error or "")


def refusals(secret: str) -> str:
    """Give all that the refusals of a registry tell about a config with this secret."""
    config = DataSourceConfig(password=secret, options={"token": secret})
    registry = DataSourceRegistry()
    told = []
    registry.register("acme", "orders", DataSourceType.DATABASE, config, source_id="ds_1")
    for name, source_id in (("orders", "ds_2"), ("stock", "ds_1")):
        with pytest.raises(DataSourceError) as refusal:
            registry.register("acme", name, DataSourceType.DATABASE, config, source_id=source_id)
        told += [str(refusal.value), repr(refusal.value), repr(refusal.value.to_dict())]
    return "".join(told)


@given(secret=SECRETS)
def test_a_refusal_of_the_registry_tells_nothing_of_the_secret(secret: str) -> None:
    assert refusals(secret) == refusals("another secret")


@pytest.mark.parametrize(
    "connection_string",
    [
        "postgresql://ann:hunter22@db/app?contact=ops@example.com",
        "mongodb://ann:hunter22@db1,bob:letmein9@db2/app",
        "Password=hunter22;User Id=ann;Server=db",
        "host=db password=hunter22;x dbname=app",
        "jdbc:sqlserver://db;password=hunter22;user=ann",
        "ann:hunter22@tcp(db)/app?contact=ops@example.com",
    ],
)
def test_a_driver_that_repeats_the_password_alone_is_masked(connection_string: str) -> None:
    config = DataSourceConfig(connection_string=connection_string)
    source = CustomerDataSource("ds_1", "acme", "orders", DataSourceType.DATABASE, config)
    source.record_error("no login with hunter22 as ann")
    assert "hunter22" not in (source.last_error or "")
    assert "hunter22" not in repr(source)
