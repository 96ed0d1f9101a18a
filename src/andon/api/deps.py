"""What endpoints are given: the service's parts, the caller, a page, a precondition."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, cast

from fastapi import Depends, Query, Request, Response

from andon import errors
from andon.runtime.context import Context
from andon.runtime.telemetry.record import Recorder
from andon.runtime.tenants.access import Doorkeeper
from andon.runtime.tenants.caller import Caller


@dataclass(slots=True)
class Service:
    """The running parts that endpoints share, put together by the composition root."""

    ctx: Context
    doorkeeper: Doorkeeper
    recorder: Recorder
    is_loopback: bool
    is_ready: bool = False
    busy: set[str] = field(default_factory=set)

    @contextmanager
    def alone(self, work: str) -> Iterator[None]:
        """Let this work be done once at a time in this process; for the event loop alone."""
        if work in self.busy:
            raise errors.AlreadyRunning
        self.busy.add(work)
        try:
            yield
        finally:
            self.busy.discard(work)


def service_of(request: Request) -> Service:
    """Give the running service behind a request."""
    return cast("Service", request.app.state.service)


def context_of(request: Request) -> Context:
    """Give the context behind a request."""
    return service_of(request).ctx


def caller_of(request: Request) -> Caller:
    """Give the caller that the route's guard has admitted."""
    return cast("Caller", request.state.caller)


@dataclass(frozen=True, slots=True)
class PageAsked:
    """A page of a list: from where, and how many items."""

    cursor: str | None
    limit: int


def page_of(
    cursor: Annotated[str | None, Query(max_length=1000, description="a next_cursor")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="most items of the page")] = 100,
) -> PageAsked:
    """Read which page of a list is asked for."""
    return PageAsked(cursor, limit)


def large_page_of(
    cursor: Annotated[str | None, Query(max_length=1000, description="a next_cursor")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000, description="most items of the page")] = 1000,
) -> PageAsked:
    """Read which page of a list of sums is asked for."""
    return PageAsked(cursor, limit)


def revision_of(request: Request) -> int | None:
    """Read If-Match, when it was sent, as the revision that the caller has seen."""
    sent = request.headers.get("if-match")
    if sent is None or sent.strip() == "*":
        return None
    found = re.fullmatch(r'(?:W/)?"(\d{1,9})"', sent.strip())
    if found is None:
        raise errors.PreconditionFailed
    return int(found[1])


def tag(response: Response, revision: int) -> None:
    """Send the object's revision as its ETag."""
    response.headers["ETag"] = f'"{revision}"'


Ctx = Annotated[Context, Depends(context_of)]
Who = Annotated[Caller, Depends(caller_of)]
Page = Annotated[PageAsked, Depends(page_of)]
LargePage = Annotated[PageAsked, Depends(large_page_of)]
IfMatch = Annotated[int | None, Depends(revision_of)]


def paged(items: list[Any], next_cursor: str | None) -> dict[str, Any]:
    """Answer one page of a list."""
    return {"items": items, "next_cursor": next_cursor}
