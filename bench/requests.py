"""Ready-made HTTP requests that report LLM calls; only the ids in them are put in anew."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
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


def usage_requests(key: str, integration: str, size: int, ids: str) -> Make:
    """Report to Andon: single records for a size of 1, else batches."""
    path, body = "/api/v1/telemetry/llm-usage", json.dumps(record(integration))
    if size > 1:
        path, body = f"{path}/batch", f'{{"records":[{",".join([body] * size)}]}}'
    return _filler(body, _MARK, IDS[ids], _head(path, key))


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
