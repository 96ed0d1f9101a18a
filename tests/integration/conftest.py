"""One server a database for all integration tests of a process; each test makes its own tenant."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.integration.doors import Tenancy
from tests.integration.serving import Andon, fresh_store, serving
from tests.servers.postgres import PostgresServer

ServeWith = Callable[..., Andon]


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_surroundings() -> Iterator[None]:
    """Keep ANDON_* variables of whoever runs the tests out of the servers."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("ANDON_") and not name.startswith("ANDON_TEST_"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def _shared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Andon]:
    folder = tmp_path_factory.mktemp("shared")
    with fresh_store("sqlite", folder, None) as store, serving(store) as andon:
        yield andon


@pytest.fixture(scope="session")
def _shared_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> Iterator[Andon]:
    folder = tmp_path_factory.mktemp("shared")
    with fresh_store("postgresql", folder, postgres_server) as store, serving(store) as andon:
        yield andon


@pytest.fixture(scope="module")
def andon(store_kind: str, request: pytest.FixtureRequest) -> Andon:
    """Share the one server of this database, with its defaults."""
    shared: Andon = request.getfixturevalue(f"_shared_{store_kind}")
    return shared


@pytest.fixture
def tenant(andon: Andon) -> Tenancy:
    """Make a tenant of the test's own."""
    return andon.tenant()


@pytest.fixture(scope="module")
def serve_with(
    store_kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[ServeWith]:
    """Serve a new store with settings of the test file's own."""
    with ExitStack() as stack:
        postgres = None
        if store_kind == "postgresql":
            postgres = request.getfixturevalue("postgres_server")

        def serve(**given: Any) -> Andon:
            folder = tmp_path_factory.mktemp("own")
            store = stack.enter_context(fresh_store(store_kind, folder, postgres))
            return stack.enter_context(serving(store, **given))

        yield serve
