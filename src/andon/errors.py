"""The error tree: each refusal has a stable code, a status and whether trying again helps."""

from __future__ import annotations

import inspect
import re
from typing import ClassVar


class AndonError(Exception):
    """Something went wrong inside Andon."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int | None = None):
        self.detail = detail or inspect.cleandoc(type(self).__doc__ or "")
        self.retry_after_seconds = retry_after_seconds
        super().__init__(self.detail)

    @classmethod
    def title(cls) -> str:
        """Name the class of error in words, the same for each of its kind (RFC 9457)."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", cls.__name__).capitalize()


class NotAuthenticated(AndonError):
    """No valid key came with the request; send `Authorization: Bearer <key>`."""

    code = "not_authenticated"
    status = 401


class NotAllowed(AndonError):
    """The role of this key does not allow this; ask an admin for a key with another role."""

    code = "not_allowed"
    status = 403


class TenantSuspended(AndonError):
    """This tenant is suspended; an admin of the tenant `default` can resume it."""

    code = "tenant_suspended"
    status = 403


class NotFound(AndonError):
    """There is nothing here under this id or address."""

    code = "not_found"
    status = 404


class MethodNotAllowed(AndonError):
    """This address exists but does not take this method; the Allow header lists those it takes."""

    code = "method_not_allowed"
    status = 405


class Conflict(AndonError):
    """The request conflicts with the present state."""

    code = "conflict"
    status = 409


class NameTaken(Conflict):
    """Another object of this kind has this name already; choose another name."""

    code = "name_taken"


class CallIdConflict(Conflict):
    """This call_id was reported before with another integration, provider, model, token count or
    stated cost; the first record stays. Report a different call under a call_id of its own."""

    code = "call_id_conflict"


class AlreadyVoided(Conflict):
    """This usage record was voided before, and counts no more already."""

    code = "already_voided"


class InvalidTransition(Conflict):
    """The object's present status does not allow this step."""

    code = "invalid_transition"


class PriceOverlaps(Conflict):
    """Another price holds for this provider and model in part of this time; end it first, or choose
    another time."""

    code = "price_overlaps"


class TooManyPrices(Conflict):
    """This tenant has as many prices as it may have; delete some that price no more calls."""

    code = "too_many_prices"


class IdempotencyMismatch(Conflict):
    """This Idempotency-Key was used before for another request; use a new key for a new request."""

    code = "idempotency_key_reused"


class AlreadyRunning(Conflict):
    """The same work is being done at this moment; ask again when it is done."""

    code = "already_running"


class BackupRunning(Conflict):
    """Another backup of this store is being made; try again when it is done."""

    code = "backup_running"


class UsePgDump(Conflict):
    """This store is in PostgreSQL, whose own tools copy it. As the role that owns the tables, back
    it up with `pg_dump --format=custom --no-owner --no-privileges --file=FILE --dbname=URL`; put it
    into an empty database with `pg_restore --exit-on-error --single-transaction --no-owner
    --no-privileges --dbname=URL FILE` and run `andon migrate`; docs/backup.md tells more."""

    code = "use_pg_dump"


class PreconditionFailed(AndonError):
    """The object has changed since you read it; read it again and repeat with its new ETag."""

    code = "precondition_failed"
    status = 412


class BodyTooLarge(AndonError):
    """The body is larger than this address takes; send less at a time."""

    code = "body_too_large"
    status = 413


class EncodingNotOffered(AndonError):
    """This address takes bodies without Content-Encoding only; send the body as it is."""

    code = "encoding_not_offered"
    status = 415


class InvalidRequest(AndonError):
    """The request does not have the form that this address takes."""

    code = "invalid_request"
    status = 422

    def __init__(self, detail: str | None = None, *, errors: list[dict[str, object]] | None = None):
        super().__init__(detail)
        self.errors = errors or []


class InvalidJson(InvalidRequest):
    """The body is not valid JSON (RFC 8259) in UTF-8."""

    code = "invalid_json"


class RawCredential(InvalidRequest):
    """The request holds what looks like a raw key. Andon stores references only: put the key into
    the environment, a file or a vault and send its reference (env://NAME, file://PATH,
    vault://PATH#FIELD)."""

    code = "raw_credential"


class UnknownReference(InvalidRequest):
    """An id in the body names nothing that you may use."""

    code = "unknown_reference"


class UnknownPrincipal(UnknownReference):
    """No principal of this tenant has this id; create it first, or correct principal_id."""

    code = "unknown_principal"


class UnknownTenant(UnknownReference):
    """No tenant that you may act for has this id; correct tenant_id."""

    code = "unknown_tenant"


class UnknownImport(UnknownReference):
    """No import of this tenant has this id; open one with POST /api/v1/imports."""

    code = "unknown_import"


class UnknownIntegration(UnknownReference):
    """No integration of this tenant has this id; correct integration_id."""

    code = "unknown_integration"


class RecordRefused(InvalidRequest):
    """The usage record cannot be accepted."""

    code = "invalid_record"

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.record_code = code


class IntakeFull(AndonError):
    """The queue of usage records is full; nothing of this request was kept. Send it again after
    the time in Retry-After, with the same call_ids."""

    code = "intake_full"
    status = 503
    retryable = True


class TenantQueueFull(AndonError):
    """Too many usage records of this tenant wait; nothing of this request was kept. Send it again
    after the time in Retry-After, with the same call_ids, and fewer at once."""

    code = "tenant_queue_full"
    status = 429
    retryable = True


class StoreUnavailable(AndonError):
    """The database does not answer; nothing of this request was acknowledged. Send it again with
    the same ids."""

    code = "store_unavailable"
    status = 503
    retryable = True


class BackupFailed(AndonError):
    """The backup could not be made; nothing was left behind, and the store goes on."""

    code = "backup_failed"


class StoreRefused(AndonError):
    """The database cannot be used as it is."""

    code = "store_refused"


class HomeInUse(StoreRefused):
    """Another Andon process holds this ANDON_HOME. One process serves one embedded store: stop the
    other one, give this one another ANDON_HOME, or use PostgreSQL for several processes."""

    code = "home_in_use"


class NeedsMigration(StoreRefused):
    """The database's schema is older than this version of Andon; run `andon migrate` first."""

    code = "needs_migration"


class CodeTooOld(StoreRefused):
    """The database was migrated by a newer Andon that this version can no longer work beside;
    upgrade Andon to the version that migrated it, or a later one."""

    code = "code_too_old"


class NotABackup(StoreRefused):
    """The file is no Andon database; restore a file that `andon backup` made."""

    code = "not_a_backup"


class StoreExists(StoreRefused):
    """There is a store in this ANDON_HOME already; `--replace` puts the backup in its place and
    keeps the old one beside it under another name."""

    code = "store_exists"


def tree(root: type[AndonError] = AndonError) -> list[type[AndonError]]:
    """List every error class, the root first, for the docs and the OpenAPI document."""
    return [root, *(found for sub in root.__subclasses__() for found in tree(sub))]
