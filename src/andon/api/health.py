"""Whether the service lives, whether it is ready, what it measures, and where things are."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from andon import errors
from andon.api.deps import service_of
from andon.api.guard import admit
from andon.engines.tenants.roles import Permission
from andon.runtime import housekeeping

router = APIRouter(tags=["service"])


@router.get("/healthz")
def live() -> dict[str, str]:
    """Answer 200 for as long as the process lives."""
    return {"status": "ok"}


@router.get("/readyz")
async def ready(request: Request) -> JSONResponse:
    """Answer 200 once requests are served and the store answers, else 503."""
    service = service_of(request)
    if not service.is_ready:
        return JSONResponse({"status": "starting"}, 503)
    try:
        await service.ctx.run(housekeeping.probe_store, service.ctx)
    except errors.AndonError as fault:
        return JSONResponse({"status": "not ready", "code": fault.code}, 503)
    return JSONResponse({"status": "ready"})


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Give Prometheus metrics; takes any key of the tenant `default`, on a loopback bind none."""
    service = service_of(request)
    if not service.is_loopback:
        (await admit(request)).require(Permission.READ_METRICS)
    return Response(generate_latest(service.ctx.meters.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/", response_class=HTMLResponse, include_in_schema=False)
def welcome(request: Request) -> HTMLResponse:
    """Say where things are and how to report a first call."""
    from andon.console import welcome

    return HTMLResponse(welcome.page(str(request.base_url).rstrip("/")))


@router.get("/welcome.css", include_in_schema=False)
def style() -> Response:
    """Give the plain page its style."""
    from andon.console import welcome

    return Response(welcome.STYLE, media_type="text/css")
