"""Bodies whose numbers are read as they were written, for what must not pass through a float."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response

from andon.api.guard import GuardedRoute
from andon.schemas.cus.money import ExactFloat

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ExactRequest(Request):
    """A request whose JSON keeps the text of every number with a fraction or exponent."""

    async def json(self) -> Any:
        """Read the body as JSON."""
        return json.loads(await self.body(), parse_float=ExactFloat)


class ExactRoute(GuardedRoute):
    """A guarded route that reads exact numbers."""

    def get_route_handler(self) -> Handler:
        """Give the guarded endpoint requests of the exact kind."""
        guarded = super().get_route_handler()

        async def exact(request: Request) -> Response:
            return await guarded(ExactRequest(request.scope, request.receive))

        return exact
