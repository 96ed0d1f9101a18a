"""What requests carry that correct usage, or look whether its books balance."""

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints

from andon.schemas.admin import Id, Request

Reason = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class VoidCreate(Request):
    """Why a usage record is taken out of the sums; for people, without secrets or prompts."""

    reason: Reason


class RepriceCreate(Request):
    """Which calls to price again: those of a period and, where these are given, of one of each."""

    period_start: date | None = Field(None, description="in the tenant's time zone, included")
    period_end: date | None = Field(None, description="in the tenant's time zone, included")
    integration_id: Id | None = None
    provider: Id | None = None
    model: Id | None = None
    dry_run: bool = Field(False, description="only tell what would change")


class VerifyCreate(Request):
    """Whose books to look through."""

    all_tenants: bool = Field(
        False, description="every tenant's; for an admin of the tenant `default`"
    )
