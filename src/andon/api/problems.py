"""Errors as problem documents (RFC 9457), with stable codes and nothing of the input."""

import http
import logging
import re
from functools import cache
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from andon import errors
from andon.models.redaction import redact

log = logging.getLogger("andon.api")

MEDIA_TYPE = "application/problem+json"


def body_of(fault: errors.AndonError) -> dict[str, Any]:
    """Describe an error; the same error always has the same body."""
    code = fault.record_code if isinstance(fault, errors.RecordRefused) else fault.code
    body: dict[str, Any] = {
        "type": f"urn:andon:error:{code}",
        "title": fault.title(),
        "status": fault.status,
        "code": code,
        "detail": " ".join(fault.detail.split()),
    }
    if isinstance(fault, errors.InvalidRequest) and fault.errors:
        body["errors"] = fault.errors
    if fault.retry_after_seconds is not None:
        body["retry_after_seconds"] = fault.retry_after_seconds
    return body


def headers_of(fault: errors.AndonError) -> dict[str, str]:
    """Give the headers that go with an error."""
    headers = {}
    if fault.status == http.HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if fault.retry_after_seconds is not None:
        headers["Retry-After"] = str(fault.retry_after_seconds)
    return headers


def response_of(fault: errors.AndonError) -> JSONResponse:
    """Answer with an error."""
    return JSONResponse(
        body_of(fault), fault.status, headers=headers_of(fault), media_type=MEDIA_TYPE
    )


def of_validation(items: Any) -> errors.AndonError:
    """Turn the validator's findings into one error that names places, never values."""
    found = [
        {
            "field": ".".join(str(part) for part in item["loc"] if part not in {"body", "query"}),
            "code": item["type"],
            "message": redact(str(item["msg"])),
        }
        for item in items
    ]
    if any(item["code"] == "json_invalid" for item in found):
        return errors.InvalidJson()
    if any(item["code"] == "raw_credential" for item in found):
        return errors.RawCredential()
    first = found[0] if found else {"field": "", "message": "the request is not valid"}
    where = f"{first['field']}: " if first["field"] else ""
    return errors.InvalidRequest(
        f"{where}{first['message']}", errors=[redact_names(item) for item in found]
    )


def redact_names(item: dict[str, str]) -> dict[str, object]:
    """Keep a field's name from carrying a secret: unknown fields are named by the caller."""
    return {**item, "field": redact(item["field"])}


def of_http(fault: HTTPException) -> errors.AndonError:
    """Turn the framework's own refusals into ours."""
    known: dict[int, type[errors.AndonError]] = {
        404: errors.NotFound,
        405: errors.MethodNotAllowed,
        413: errors.BodyTooLarge,
    }
    kind = known.get(fault.status_code)
    return kind() if kind is not None else errors.InvalidRequest()


def install(app: FastAPI) -> None:
    """Let every error of this application become a problem document."""

    @app.exception_handler(errors.AndonError)
    async def _ours(_request: Request, fault: errors.AndonError) -> JSONResponse:
        return response_of(fault)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, fault: RequestValidationError) -> JSONResponse:
        return response_of(of_validation(fault.errors()))

    @app.exception_handler(HTTPException)
    async def _framework(request: Request, fault: HTTPException) -> JSONResponse:
        allowed = _methods_at(request)
        if allowed and fault.status_code in {404, 405}:
            answer = response_of(errors.MethodNotAllowed())
            answer.headers["Allow"] = ", ".join(sorted(allowed))
            return answer
        answer = response_of(of_http(fault))
        answer.headers.update(fault.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, _fault: Exception) -> JSONResponse:
        # The framework raises it again after this answer; the edge writes the log.
        return response_of(_look_into_log(request.state.request_id))


def _methods_at(request: Request) -> set[str]:
    """List the methods that this address takes: the framework names its first route's alone."""
    found: set[str] = set()
    for path, item in request.app.openapi()["paths"].items():
        if _pattern_of(path).fullmatch(request.scope["path"]):
            found |= {method.upper() for method in item}
    return found


@cache
def _pattern_of(path: str) -> re.Pattern[str]:
    return compile_path(path)[0]


def unexpected(fault: Exception, request_id: str) -> errors.AndonError:
    """Log what nobody foresaw, by its place and not by its text, and say only where to look."""
    place = fault.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place else "unknown"
    log.error(
        "unexpected error",
        extra={"error": type(fault).__name__, "place": where, "request_id": request_id},
    )
    return _look_into_log(request_id)


def _look_into_log(request_id: str) -> errors.AndonError:
    return errors.AndonError(
        f"Something went wrong inside Andon; its log names this request as {request_id}."
    )
