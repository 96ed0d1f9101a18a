"""Usage records as the engines read them, made with defaults for tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Report:
    """What the decisions about usage read of a record."""

    call_id: str = "call-1"
    agent_id: str | None = None
    provider: str = "openai"
    model: str = "gpt-4o"
    tokens_in: int = 1200
    tokens_out: int = 300
    latency_ms: int | None = None
    policy_result: str = "allowed"
    error_code: str | None = None
    error_class: str | None = None
    error_message: str | None = None
    status_code: int | None = None
    cost_stated_nanousd: int | None = None
