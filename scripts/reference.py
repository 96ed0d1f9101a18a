"""Write docs/errors.md, roles.md and settings.md from the code; `--check` compares."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from fastapi.routing import APIRoute
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from andon import errors
from andon.api import backup, corrections, export, health, integrations, prices, telemetry, tenants
from andon.api.documents import INGEST_PATHS
from andon.engines.tenants.roles import DEFAULT_TENANT, Permission, Role, allows
from andon.settings import Settings
from scripts.tree import ROOT

MADE = "<!-- Written by `python -m scripts.reference`; change the code and run it again. -->"

RECORD_CODES = {
    "call_id_conflict": "the call_id was reported before with another integration, provider, "
    "model, token count or stated cost; the first record stays. Give another call its own call_id",
    "unknown_integration": "no integration of this tenant has this id; create it, or correct it",
    "occurred_at_in_future": "the call lies ahead of the server's clock by more than "
    "`ANDON_FUTURE_TOLERANCE_SECONDS`; correct the reporter's clock",
    "backfill_not_allowed": "the call lies before the horizon (`ANDON_DEDUPE_HORIZON_DAYS`); only "
    "an operator's or admin's key may report it",
    "backfill_needs_import": "the call lies before the horizon; open an import and send the batch "
    "with `?import_id=`",
    "missing_field": "a field that every record has is absent; the message names it",
    "unknown_field": "the record has a field that the contract does not know; check its spelling",
    "unknown_value": "the field takes one of a few words; the message lists them",
    "wrong_type": "the field takes another kind of value, a number without quotes for one",
    "not_an_object": "a record is a JSON object",
    "not_json": "the field takes plain JSON: objects, lists, text, finite numbers",
    "number_out_of_range": "a number is below or above its bounds; the message names the field",
    "too_many_decimals": "cents have at most 7 decimals: a nano-dollar is the smallest unit",
    "text_too_short": "the field may not be empty",
    "text_too_long": "the field takes fewer characters; the message says how many",
    "invalid_text": "the text holds U+0000 or half of a surrogate pair, which no store can hold",
    "time_form": "write times as RFC 3339 has them, such as 2026-01-31T12:00:00.123Z",
    "time_out_of_range": "the time is none that the calendar or the store has",
    "timezone_missing": "a time needs its offset: add Z or, for one, +02:00",
    "too_many_labels": "a record has at most 8 labels",
    "too_many_params": "`request.params` has at most 32 entries",
    "metadata_too_large": "`metadata` takes at most 16 KiB of JSON",
    "metadata_too_deep": "`metadata` takes at most 32 levels",
    "tokens_exceed_total": "cached tokens are included in `tokens_in`, reasoning tokens in "
    "`tokens_out`; add them there",
    "cost_mismatch": "`cost_cents` and `cost_nanousd` must say the same; send one of them",
    "record_too_large": "one record may not take that many bytes; send less text",
    "invalid_json": "the record or body is not JSON (RFC 8259) in UTF-8",
    "invalid_body": 'the body is no batch: send `{"records": [...]}`',
    "empty_batch": "the batch holds no record",
    "batch_too_large": "the batch holds more than 100 records; nothing of it was kept. Send less",
}
"""What is said of each code of a usage record; `tests/architecture` looks for others."""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table of Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def errors_page() -> str:
    """Describe every code that an answer can carry."""
    tree = sorted(errors.tree(), key=lambda kind: (kind.status, kind.code))
    rows = [
        (f"`{kind.code}`", str(kind.status), _yes(kind.retryable), one_line(kind.__doc__))
        for kind in tree
    ]
    records = [(f"`{code}`", advice) for code, advice in sorted(RECORD_CODES.items())]
    return _ERRORS.format(
        made=MADE,
        errors=table(("code", "status", "try again?", "what it means, and what to do"), rows),
        records=table(("code", "what it means, and what to do"), records),
    )


_ERRORS = """# Errors

{made}

Every error of the API is a problem document (RFC 9457) with the media type
`application/problem+json`. `code` is stable; programs go by it. `detail` is for people and may
change. Neither repeats what was sent.

```json
{{"type": "urn:andon:error:not_allowed", "title": "Not allowed", "status": 403,
 "code": "not_allowed", "detail": "A key with the role viewer may not write integrations; ..."}}
```

`errors` lists the fields of a body that has the wrong form, each with `field`, `code` and
`message`. `retry_after_seconds` is there where the header `Retry-After` is. Each answer carries
`X-Request-Id`, which the server's log has too.

## Answers

{errors}

*Try again* means: the same request may succeed later, and is safe to repeat under the same
`call_id`s or the same `Idempotency-Key`. A command that cannot open the store ends with the code
of a status 500 above and exit status 1.

## Records of usage

A single report is answered with one of these codes and status 422, and `call_id_conflict` with 409.
In a batch each refused record has its `index`, a code and a message under `rejected`; the others
are kept, and the batch answers 200. A batch that cannot be taken at all answers 422.

{records}

Any other code is the validator's own name for a wrong value. The message names the field.
"""


def roles_page() -> str:
    """Describe what each role may do, and what each route asks for."""
    granted = [(one.value, *(_grant(role, one) for role in Role)) for one in Permission]
    routes = sorted({*_routes(), *_ingest_routes()}, key=lambda route: (route[1], route[0]))
    shown = [(f"`{method}`", f"`{path}`", needs) for method, path, needs in routes]
    return _ROLES.format(
        made=MADE,
        roles=table(("permission", *(role.value for role in Role)), granted),
        routes=table(("method", "path", "permission"), shown),
    )


_ROLES = """# Roles

{made}

A key has one role in one tenant. `yes*` holds in the tenant `default` alone, whose admins make the
other tenants.

{roles}

An ingest key reads nothing of its tenant. A principal is a person or a service; confirmations will
count people, never keys.

## What each route asks for

The guard answers 401 without a valid key, then 404 where the path names an object that is not the
key's own, then 403 where the role may not, and only then looks at the body.

{routes}
"""


def _grant(role: Role, permission: Permission) -> str:
    if not allows(role, permission, DEFAULT_TENANT):
        return "no"
    return "yes" if allows(role, permission, "another") else "yes*"


def _routes() -> Iterable[tuple[str, str, str]]:
    yield from _routes_of(health.router.routes, "", _OPEN)
    for module in (backup, corrections, export, integrations, prices, telemetry, tenants):
        yield from _routes_of(module.router.routes, "/api/v1", {})


_OPEN = {"/metrics": "read metrics; none on a loopback address"}


def _routes_of(
    routes: Iterable[Any], prefix: str, known: dict[str, str]
) -> Iterable[tuple[str, str, str]]:
    for route in routes:
        assert isinstance(route, APIRoute)
        needs = (route.openapi_extra or {}).get("x-permission", known.get(route.path, "no key"))
        for method in sorted(route.methods or ()):
            yield method, prefix + route.path, needs


def _ingest_routes() -> Iterable[tuple[str, str, str]]:
    for path, item in INGEST_PATHS.items():
        for method, operation in item.items():
            yield method.upper(), path, operation["x-permission"]
    yield "GET", "/openapi.json", "no key"


def settings_page() -> str:
    """Describe every setting."""
    rows = [_setting(name, field) for name, field in Settings.model_fields.items()]
    columns = ("variable", "value", "default", "what it sets")
    return _SETTINGS.format(made=MADE, settings=table(columns, rows))


_SETTINGS = """# Settings

{made}

Settings are environment variables, read once at the start. The options of `andon serve` win over
them. A secret is never shown again, nor in an error.

{settings}

`andon doctor` says what follows from them: which store, which SQLite, which clock, which disk.
"""


def _setting(name: str, field: FieldInfo) -> tuple[str, str, str, str]:
    described = field.description or ""
    return (f"`ANDON_{name.upper()}`", _kind(field), _default(name, field), one_line(described))


def _kind(field: FieldInfo) -> str:
    text = str(field.annotation)
    kinds = {"SecretStr": "secret", "bool": "1 or 0", "Path": "path", "float": "number"}
    kinds |= {"int": "whole number", "str": "text"}
    word = next(word for key, word in kinds.items() if key in text)
    return word + _bounds(field)


def _bounds(field: FieldInfo) -> str:
    parts = []
    for rule in field.metadata:
        if isinstance(rule, Ge):
            parts.append(f"from {rule.ge}")
        elif isinstance(rule, Gt):
            parts.append(f"above {rule.gt}")
        elif isinstance(rule, Le):
            parts.append(f"to {rule.le}")
        elif isinstance(rule, Lt):
            parts.append(f"below {rule.lt}")
    return " " + " ".join(parts) if parts else ""


def _default(name: str, field: FieldInfo) -> str:
    if name == "home":
        return "`~/.local/share/andon`"
    value = field.default
    if value is None or value is PydanticUndefined or isinstance(value, SecretStr):
        return "not set"
    return f"`{int(value) if isinstance(value, bool) else value}`"


def one_line(text: str | None) -> str:
    """Fit a docstring into a cell."""
    return " ".join(inspect.cleandoc(text or "").split()).replace("|", "\\|")


def _yes(value: bool) -> str:
    return "yes" if value else "no"


PAGES: dict[str, Callable[[], str]] = {
    "docs/errors.md": errors_page,
    "docs/roles.md": roles_page,
    "docs/settings.md": settings_page,
}


def stale(root: Path = ROOT) -> list[str]:
    """Name the pages that do not say what the code says."""
    return [name for name, page in PAGES.items() if not _says(root / name, page())]


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pages, or with --check tell which are not current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 when stale")
    if parser.parse_args(argv).check:
        for name in (found := stale()):
            print(f"{name} is not current: run python -m scripts.reference", file=sys.stderr)
        return 1 if found else 0
    for name, page in PAGES.items():
        (ROOT / name).write_text(page(), encoding="utf-8")
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
