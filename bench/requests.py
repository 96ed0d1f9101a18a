"""Ready-made HTTP requests that report LLM calls; only the ids in them are put in anew."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

Make = Callable[[], bytes]
"""Gives the bytes of the next request, head and body."""

_MARK = "f" * 32
_SPAN_MARK = "e" * 16
_START = int(time.time()) * 1_000_000_000


def record(integration: str) -> dict[str, Any]:
    """Give a usage record as a careful reporter writes it, about 400 bytes."""
    return {
        "call_id": _MARK,
        "integration_id": integration,
        "session_id": "session-8f14e45f",
        "agent_id": "support-triage",
        "provider": "openai",
        "model": "gpt-4o",
        "tokens_in": 1284,
        "tokens_out": 211,
        "tokens_cache_read": 1024,
        "latency_ms": 1840,
        "policy_result": "allowed",
        "status_code": 200,
        "usage_source": "reported",
        "end_user": "user-4821",
        "metadata": {"release": "2026-05-14", "region": "eu-central-1"},
    }


def span(trace: str) -> dict[str, Any]:
    """Give the same call as an OpenTelemetry span, without what was said in it."""
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 1284,
        "gen_ai.usage.output_tokens": 211,
        "gen_ai.conversation.id": "session-8f14e45f",
        "gen_ai.agent.name": "support-triage",
        "enduser.id": "user-4821",
    }
    return {
        "traceId": trace,
        "spanId": _SPAN_MARK,
        "name": "chat gpt-4o",
        "kind": 3,
        "startTimeUnixNano": str(_START),
        "endTimeUnixNano": str(_START + 1_840_000_000),
        "attributes": [{"key": key, "value": _value(v)} for key, v in attributes.items()],
        "status": {"code": 1},
    }


def _value(value: Any) -> dict[str, str]:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def random_ids(count: int) -> list[str]:
    """Make ids of 32 random hex digits, as uuid4 is."""
    text = os.urandom(16 * count).hex()
    return [text[start : start + 32] for start in range(0, 32 * count, 32)]


def ordered_ids(count: int) -> list[str]:
    """Make ids of 32 hex digits that begin with the time, as uuid7 is."""
    now = f"{time.time_ns() // 1_000_000:012x}"
    text = os.urandom(10 * count).hex()
    return [now + text[start : start + 20] for start in range(0, 20 * count, 20)]


IDS = {"random": random_ids, "ordered": ordered_ids}


def _filler(template: str, mark: str, ids: Callable[[int], list[str]], head: str) -> Make:
    parts = template.split(mark)
    count = len(parts) - 1
    pieces = [""] * (2 * count + 1)
    pieces[::2] = parts
    length = len(template.encode())
    start = head.format(length=length)

    def make() -> bytes:
        pieces[1::2] = ids(count)
        return (start + "".join(pieces)).encode()

    return make


def _head(path: str, key: str) -> str:
    # Double braces: the length is filled in later.
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )


Account = tuple[str, str]
"""A tenant's key and an integration of it."""

_TEMPLATES = 4
_MODELS = (
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-sonnet-4-5"),
    ("acme", "unpriced-1"),
)


def usage_requests(
    accounts: Sequence[Account], size: int, ids: str, repeats_percent: int = 0
) -> Make:
    """Report to Andon, the tenants in turns: single records for a size of 1, else batches.

    So many per cent of the records are reported a second time.
    """
    makes = [
        _repeating(_template(account, size, number), IDS[ids], repeats_percent)
        for number in range(_TEMPLATES)
        for account in accounts
    ]
    turn = itertools.cycle(makes)

    def make() -> bytes:
        return next(turn)()

    return make


def _template(account: Account, size: int, number: int) -> tuple[str, str]:
    key, integration = account
    path = "/api/v1/telemetry/llm-usage"
    bodies = [json.dumps(_varied(integration, number * size + at)) for at in range(size)]
    if size == 1:
        return bodies[0], _head(path, key)
    return f'{{"records":[{",".join(bodies)}]}}', _head(f"{path}/batch", key)


def _varied(integration: str, number: int) -> dict[str, Any]:
    provider, model = _MODELS[number % len(_MODELS)]
    changed = {
        "provider": provider,
        "model": model,
        "agent_id": f"agent-{number % 5}",
        "session_id": f"session-{number:08x}",
        "end_user": f"user-{number % 37}",
        "tokens_in": 1200 + number % 977,
        "tokens_out": 100 + number % 211,
        "latency_ms": 700 + number % 1999,
    }
    failed = {"status_code": 429, "error_code": "rate_limit_exceeded"} if number % 50 == 7 else {}
    return record(integration) | changed | failed


def _repeating(
    template: tuple[str, str], ids: Callable[[int], list[str]], repeats_percent: int
) -> Make:
    text, head = template
    count = text.count(_MARK)
    repeats = count * repeats_percent // 100
    single = repeats_percent if count == 1 else 0
    before: list[str] = []
    turns = itertools.count(1)

    def drawn(wanted: int) -> list[str]:
        nonlocal before
        fresh = ids(wanted)
        if before:
            fresh[:repeats] = before[:repeats]
            if single and next(turns) % (100 // single) == 0:
                fresh = before
        before = fresh
        return fresh

    return _filler(text, _MARK, drawn, head)


def span_requests(size: int, spans_a_trace: int) -> Make:
    """Report to an OTLP/HTTP receiver, so many spans a request and so many of these a trace."""
    traces = size // spans_a_trace
    marks = [f"{number:032x}" for number in range(0xA0, 0xA0 + traces)]
    spans = [span(marks[number // spans_a_trace]) for number in range(size)]
    scope = [{"scope": {"name": "bench"}, "spans": spans}]
    body = json.dumps({"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": scope}]})
    fill = _filler(body, _SPAN_MARK, _span_ids, _head("/v1/traces", "none"))

    def make() -> bytes:
        request = fill()
        for mark, trace in zip(marks, random_ids(traces), strict=True):
            request = request.replace(mark.encode(), trace.encode())
        return request

    return make


def _span_ids(count: int) -> list[str]:
    text = os.urandom(8 * count).hex()
    return [text[start : start + 16] for start in range(0, 16 * count, 16)]
