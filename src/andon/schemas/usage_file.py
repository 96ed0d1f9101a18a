"""The columns of a file of usage records: what is reported, and what only an export holds."""

from __future__ import annotations

TEXTS = (
    "integration_id",
    "call_id",
    "session_id",
    "agent_id",
    "provider",
    "model",
    "policy_result",
    "policy_id",
    "usage_source",
    "error_code",
    "error_class",
    "error_message",
    "end_user",
    "occurred_at",
)
COUNTS = (
    "tokens_in",
    "tokens_out",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_reasoning",
    "cost_nanousd",
    "latency_ms",
    "status_code",
)
CENTS = "cost_cents"
OBJECTS = ("metadata", "labels", "request")

REPORTED = frozenset({*TEXTS, *COUNTS, CENTS, *OBJECTS})
"""What a reporter may say of a call."""

MADE = frozenset({"id", "price_ref", "import_id", "created_at", "voided"})
"""What the server says of a call; a file that has all of these is an export."""

KEPT = (
    "call_id",
    "session_id",
    "agent_id",
    "provider",
    "model",
    "tokens_in",
    "tokens_out",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_reasoning",
    "cost_nanousd",
    "price_ref",
    "usage_source",
    "latency_ms",
    "policy_result",
    "policy_id",
    "status_code",
    "error_code",
    "error_class",
    "end_user",
    "import_id",
)
"""What is shown of a record as it is kept, in a list and in an export alike."""

EXPORTED = (
    "id",
    "integration_id",
    *KEPT,
    CENTS,
    "error_message",
    "metadata",
    "request",
    "labels",
    "occurred_at",
    "created_at",
    "voided",
)
"""The columns of an export, in order: those of the list of single records, and `voided`."""

MADE_TEXTS = ("id", "price_ref", "import_id")

FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
QUOTE = "'"


def guarded(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would take for a formula.

    One that begins with an apostrophe gets another one, so that `unguarded` gives every text back.
    The list is that of OWASP, https://owasp.org/www-community/attacks/CSV_Injection.
    """
    return QUOTE + text if text[:1] in FORMULA_STARTS or text[:1] == QUOTE else text


def unguarded(text: str) -> str:
    """Take off the apostrophe that `guarded` put on."""
    return text.removeprefix(QUOTE)
