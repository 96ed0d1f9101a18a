"""A connection URL is read back into the parts that it was built of."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from andon.schemas.datasource_model import DataSourceConfig

ANY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
NAMES = ANY.filter(lambda host: not any(c.isspace() or c in ":@[]\x7f" or c < " " for c in host))


@given(username=ANY, password=ANY, database=ANY, host=NAMES, port=st.integers(1, 65535))
def test_every_part_comes_back(
    username: str, password: str, database: str, host: str, port: int
) -> None:
    config = DataSourceConfig(
        host=host, port=port, username=username, password=password, database=database
    )
    url = config.get_connection_url()
    assert url is not None
    parts = urlsplit(url)
    assert unquote(parts.username or "") == username
    assert unquote(parts.password or "") == password
    assert unquote(parts.path.removeprefix("/")) == database
    assert unquote(parts.netloc.rpartition("@")[2].rpartition(":")[0]) == host
    assert parts.port == port
    assert (parts.scheme, parts.query, parts.fragment) == ("postgresql", "", "")


@given(st.ip_addresses(v=6), st.integers(1, 65535))
def test_an_ipv6_address_is_put_in_brackets(address: object, port: int) -> None:
    url = DataSourceConfig(host=str(address), port=port).get_connection_url()
    assert url == f"postgresql://[{address}]:{port}"
    assert urlsplit(url).hostname == str(address)


@pytest.mark.parametrize(
    ("config", "url"),
    [
        (DataSourceConfig(host="db"), "postgresql://db"),
        (DataSourceConfig(host="db", database="app"), "postgresql://db/app"),
        (DataSourceConfig(host="db", username="ann"), "postgresql://ann@db"),
        (DataSourceConfig(host="db", password="pw"), "postgresql://:pw@db"),
        (DataSourceConfig(host="db", username="a b", password=""), "postgresql://a%20b:@db"),
        (DataSourceConfig(host="[::1]", port=5), "postgresql://[::1]:5"),
        (DataSourceConfig(host="fe80::1%eth0"), "postgresql://[fe80::1%25eth0]"),
        (DataSourceConfig(host="a,b", port=5), "postgresql://a,b:5"),
        (DataSourceConfig(host="/run/pg"), "postgresql://%2Frun%2Fpg"),
        (DataSourceConfig(host="db", ssl_enabled=True, pool_size=9), "postgresql://db"),
    ],
)
def test_only_what_is_given_is_in_the_url(config: DataSourceConfig, url: str) -> None:
    assert config.get_connection_url() == url


def test_the_scheme_is_the_argument_else_the_option_else_postgresql() -> None:
    config = DataSourceConfig(host="db", options={"scheme": "mysql+pymysql"})
    assert config.get_connection_url("mongodb+srv") == "mongodb+srv://db"
    assert config.get_connection_url() == "mysql+pymysql://db"
    assert DataSourceConfig(host="db").get_connection_url() == "postgresql://db"


@pytest.mark.parametrize("scheme", ["my sql", "1db", "db://x", "a/b", "é"])
def test_a_scheme_that_is_none_is_refused(scheme: str) -> None:
    with pytest.raises(ValueError, match="scheme"):
        DataSourceConfig(host="db").get_connection_url(scheme)
    with pytest.raises(ValueError, match="scheme"):
        DataSourceConfig(host="db", options={"scheme": scheme}).get_connection_url()


@pytest.mark.parametrize("host", [None, ""])
def test_there_is_no_url_without_a_host(host: str | None) -> None:
    config = DataSourceConfig(host=host, port=5432, username="ann", database="app")
    assert config.get_connection_url() is None


@given(ANY, ANY)
def test_a_connection_string_goes_before_the_parts(connection_string: str, scheme: str) -> None:
    assume(connection_string)
    config = DataSourceConfig(connection_string=connection_string, host="db")
    assert config.get_connection_url(scheme) == connection_string
