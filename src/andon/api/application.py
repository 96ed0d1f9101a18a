"""The HTTP application: ordinary routes, the raw ingest path, and the edge around both."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp, Receive, Scope, Send

import andon
from andon.api import (
    backup,
    corrections,
    export,
    health,
    integrations,
    prices,
    problems,
    telemetry,
    tenants,
)
from andon.api.deps import Service
from andon.api.documents import INGEST_PATHS, PROBLEM
from andon.api.edge import Edge, Log
from andon.api.ingest import Ingest

_DESCRIPTION = (
    "A self-hosted control plane for LLM integrations. Every error is a problem document "
    "(RFC 9457) with a stable `code`."
)


def build(service: Service, log: Log | None) -> ASGIApp:
    """Put the application together around a running service."""
    app = FastAPI(
        title="Andon",
        version=andon.__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    problems.install(app)
    app.include_router(health.router)
    for one in (integrations, prices, tenants, telemetry, corrections, export, backup):
        app.include_router(one.router, prefix="/api/v1")
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    ingest = Ingest(service)

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ingest.takes(scope):
            scope["andon_route"] = scope["path"]
            await ingest(scope, receive, send)
        else:
            await app(scope, receive, send)

    ctx = service.ctx
    return Edge(dispatch, ctx.meters, lambda: ctx.new_id(ctx.clock_us()), log)


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes
        )
        components = document.setdefault("components", {})
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        components.setdefault("schemas", {})["Problem"] = PROBLEM
        for path, item in INGEST_PATHS.items():
            document["paths"].setdefault(path, {}).update(item)
        _tell_problems(document)
        app.openapi_schema = document
    return app.openapi_schema


def _tell_problems(document: dict[str, Any]) -> None:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for item in document["paths"].values():
        for operation in item.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {"description": "A problem", "content": content}
