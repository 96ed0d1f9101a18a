"""A scripted Andon: it answers the command line as the API does, and remembers what it took."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from click.testing import CliRunner, Result

from andon.cli import main
from tests.unit.sdk.scripted import Answer, Asked, Script, problem, serving

KEY = "andon_12345678_thisisnotarealkeybutlookslikeonetothetest"
ID = "018f0000-0000-7000-8000-000000000001"
PRICE_NANOUSD = 10
BATCH = "/api/v1/telemetry/llm-usage/batch"

Row = dict[str, Any]


def integration(**fields: Any) -> Row:
    """Describe an integration as the API does."""
    return {
        "id": ID,
        "tenant_id": "default",
        "name": "chat",
        "provider_type": "azure_openai",
        "status": "enabled",
        "health_state": "unknown",
        "health_checked_at": None,
        "default_model": None,
        "budget_limit_cents": 0,
        "token_limit_month": 0,
        "rate_limit_rpm": 0,
        **fields,
    }


@dataclass(slots=True)
class Andon:
    """Keeps usage by call_id, each token at the same price; hooks may answer first."""

    first: Callable[[Asked], Answer | None] = lambda _asked: None
    integrations: list[Row] = field(default_factory=lambda: [integration()])
    usage: dict[str, Row] = field(default_factory=dict)
    imports: list[str] = field(default_factory=list)
    priced: bool = True
    slow: bool = False

    def answer(self, asked: Asked) -> Answer:
        """Answer one request."""
        if asked.path == "/healthz" or (asked.path == "/readyz" and not self.slow):
            return Answer(200, {"status": "ok"})
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return problem(401, "not_authenticated", "No valid key came with the request.")
        said = self.first(asked)
        if said is not None:
            return said
        path = asked.path.removeprefix("/api/v1/")
        if path.startswith("integrations"):
            return self._integration(path, asked)
        routes: dict[str, Callable[[Asked], object]] = {
            "telemetry/llm-usage/batch": self._batch,
            "telemetry/usage-summary": self._summary,
            "telemetry/daily-aggregates": self._daily,
            "telemetry/usage-history": self._daily,
            "tenants/default": lambda _: {"id": "default", "time_zone": "UTC"},
            "imports": self._import,
        }
        route = routes.get(path)
        return problem(404, "not_found") if route is None else Answer(200, route(asked))

    def _integration(self, path: str, asked: Asked) -> Answer:
        if path == "integrations":
            items = [
                one for one in self.integrations if asked.query.get("name") in {None, one["name"]}
            ]
            return Answer(200, {"items": items, "next_cursor": None})
        for one in self.integrations:
            if path == f"integrations/{one['id']}":
                return Answer(204) if asked.method == "DELETE" else Answer(200, one)
        return problem(404, "not_found", "There is nothing here under this id or address.")

    def _import(self, asked: Asked) -> Row:
        self.imports.append(asked.json["note"])
        return {"id": f"import-{len(self.imports)}"}

    def _batch(self, asked: Asked) -> Row:
        counts = {"accepted": 0, "duplicate": 0}
        rejected: list[Row] = []
        read = json.loads(asked.body, parse_float=Decimal)
        for index, record in enumerate(read["records"]):
            code = self._judge(record, asked.query.get("import_id"))
            if code in counts:
                counts[code] += 1
            else:
                rejected.append({"index": index, "code": code, "message": f"it is {code}"})
        return {
            "accepted": counts["accepted"],
            "duplicates": counts["duplicate"],
            "rejected": rejected,
        }

    def _judge(self, record: Row, import_id: str | None) -> str:
        if not isinstance(record.get("tokens_in"), int):
            return "invalid_tokens_in"
        occurred = datetime.fromisoformat(
            record.get("occurred_at") or datetime.now(UTC).isoformat()
        )
        if import_id is None and occurred < datetime.now(UTC) - timedelta(days=35):
            return "backfill_needs_import"
        known = self.usage.setdefault(record["call_id"], record)
        if known is record:
            return "accepted"
        same = all(known[name] == record[name] for name in ("model", "tokens_in", "tokens_out"))
        return "duplicate" if same else "call_id_conflict"

    def _days(self, asked: Asked) -> Iterator[tuple[str, Row]]:
        first, last = asked.query.get("period_start", "0"), asked.query.get("period_end", "9")
        for record in self.usage.values():
            day = (record.get("occurred_at") or datetime.now(UTC).isoformat())[:10]
            if first <= day <= last:
                yield day, record

    def _cost(self, record: Row) -> int:
        return PRICE_NANOUSD * (record["tokens_in"] + record["tokens_out"]) if self.priced else 0

    def _summary(self, asked: Asked) -> Row:
        found = [record for _, record in self._days(asked)]
        return {
            "tenant_id": "default",
            "period_start": asked.query.get("period_start", "2026-05-01"),
            "period_end": asked.query.get("period_end", "2026-05-31"),
            "total_calls": len(found),
            "total_cost_nanousd": sum(map(self._cost, found)),
            "by_integration": [
                {"integration_id": one["id"], "integration_name": one["name"]}
                for one in self.integrations
            ],
        }

    def _daily(self, asked: Asked) -> Row:
        items = [
            {
                "date": day,
                "integration_id": record["integration_id"],
                "agent_id": record.get("agent_id"),
                "model": record["model"],
                "calls": 1,
                "tokens_in": record["tokens_in"],
                "tokens_out": record["tokens_out"],
                "cost_nanousd": self._cost(record),
                "errors": 0,
                "blocked": 0,
                "unpriced": int(not self.priced),
            }
            for day, record in self._days(asked)
        ]
        # Two pages, so that whoever reads only the first is found out.
        if asked.query.get("cursor") is None and len(items) > 1:
            return {"items": items[:1], "next_cursor": "rest"}
        return {"items": items[1 if len(items) > 1 else 0 :], "next_cursor": None}


@contextmanager
def running(andon: Andon) -> Iterator[Script]:
    """Let a scripted Andon serve."""
    with serving(andon.answer) as script:
        yield script


def invoke(script: Script | None, *words: str, **env: str | None) -> Result:
    """Run a command against a server, as `andon WORDS` would."""
    where = {"ANDON_URL": script.url, "ANDON_KEY": KEY} if script else {}
    return CliRunner().invoke(main, words, env={**where, **env}, prog_name="andon")
