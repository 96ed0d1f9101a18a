"""What management requests carry: tenants, principals, keys, imports."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Id = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Zone = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Request(BaseModel):
    """A request body: unknown fields are refused, and errors never repeat what was sent."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class TenantCreate(Request):
    """A new tenant; its time zone decides when its days and months begin."""

    name: Name
    time_zone: Zone = "UTC"


class TenantSettings(Request):
    """What a tenant decides for itself; null takes the default again."""

    confirmations: int | None = Field(
        None, ge=1, le=10, description="people who must confirm a policy; default 2"
    )
    unknown_price_nanousd_per_token: int | None = Field(
        None, ge=0, le=10**9, description="price of a token where the model's is unknown"
    )


class TenantUpdate(Request):
    """Changes of a tenant; another time zone holds from its next month on."""

    name: Name | None = None
    time_zone: Zone | None = None
    settings: TenantSettings | None = None


class PrincipalCreate(Request):
    """A person or a service that keys belong to; confirmations count people."""

    kind: Literal["person", "service"]
    name: Name
    tenant_id: Id | None = None


class KeyCreate(Request):
    """A new key; without a principal it belongs to a new service of its name."""

    name: Name
    role: Literal["admin", "operator", "ingest", "viewer"]
    tenant_id: Id | None = None
    principal_id: Id | None = None


class EndUserErase(Request):
    """Whose records are erased; a cursor goes on where the last answer ended."""

    end_user: Id
    cursor: Annotated[str, StringConstraints(max_length=100)] | None = None


class ImportCreate(Request):
    """A new import, for calls that happened before the dedupe horizon."""

    note: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
