"""A bad record is refused by a named code, alone; a bad body is refused as a whole."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.integration.conftest import ServeWith
from tests.integration.doors import Tenancy
from tests.integration.records import (
    BATCH,
    USAGE,
    Record,
    ago,
    rejected,
    report,
    report_all,
    report_text,
    usage,
)

DEEP: Any = {}
for _ in range(40):
    DEEP = {"a": DEEP}


@pytest.fixture
def integration_id(tenant: Tenancy) -> str:
    return tenant.integrate()


def _totals(tenant: Tenancy) -> tuple[int, int]:
    summary = tenant.admin.read("telemetry/usage-summary")
    return summary["total_calls"], len(tenant.admin.items(USAGE))


BAD_FIELDS: list[tuple[str, Any, str]] = [
    ("tokens_in", -1, "number_out_of_range"),
    ("tokens_out", 10**9 + 1, "number_out_of_range"),
    ("tokens_in", 2**63, "number_out_of_range"),
    ("tokens_in", 2**200, "number_out_of_range"),
    ("tokens_in", 1.5, "wrong_type"),
    ("tokens_in", "7", "wrong_type"),
    ("tokens_in", True, "wrong_type"),
    ("tokens_in", None, "wrong_type"),
    ("latency_ms", -1, "number_out_of_range"),
    ("latency_ms", 2**63, "number_out_of_range"),
    ("status_code", 42, "number_out_of_range"),
    ("cost_cents", -0.01, "number_out_of_range"),
    ("cost_cents", 100_000_001, "number_out_of_range"),
    ("cost_cents", 1e-8, "too_many_decimals"),
    ("cost_cents", "1.5", "wrong_type"),
    ("cost_nanousd", -1, "number_out_of_range"),
    ("cost_nanousd", 2**63, "number_out_of_range"),
    ("call_id", "", "text_too_short"),
    ("call_id", "x" * 101, "text_too_long"),
    ("call_id", "a\u0000b", "invalid_text"),
    ("call_id", 7, "wrong_type"),
    ("provider", "x" * 51, "text_too_long"),
    ("model", "", "text_too_short"),
    ("agent_id", "x" * 101, "text_too_long"),
    ("session_id", "x" * 256, "text_too_long"),
    ("error_code", "x" * 51, "text_too_long"),
    ("error_message", "a\u0000b", "invalid_text"),
    ("policy_result", "ignored", "unknown_value"),
    ("usage_source", "guessed", "unknown_value"),
    ("occurred_at", "yesterday", "time_form"),
    ("occurred_at", "2026-11-24T12:00:00", "timezone_missing"),
    ("occurred_at", "2026-02-30T12:00:00Z", "time_out_of_range"),
    ("occurred_at", 1_764_000_000, "wrong_type"),
    ("metadata", {"text": "x" * 16_384}, "metadata_too_large"),
    ("metadata", DEEP, "metadata_too_deep"),
    ("metadata", [], "wrong_type"),
    ("metadata", {"a": "b\u0000"}, "invalid_text"),
    ("labels", {str(number): "x" for number in range(9)}, "too_many_labels"),
    ("labels", {"a": "x" * 101}, "text_too_long"),
    ("labels", {"a": 1}, "wrong_type"),
    ("request", {"prompt": "secret"}, "unknown_field"),
    ("tokens_cache_read", 1201, "tokens_exceed_total"),
    ("tokens_reasoning", 301, "tokens_exceed_total"),
    ("prompt", "what is it", "unknown_field"),
    ("tenant_id", "default", "unknown_field"),
    ("id", "mine", "unknown_field"),
]


def _label(value: object) -> str:
    return str(value)[:24] if isinstance(value, int | float | str) else type(value).__name__


@pytest.mark.parametrize(("field", "value", "code"), BAD_FIELDS, ids=_label)
def test_a_bad_record_is_refused_alone(
    tenant: Tenancy, integration_id: str, field: str, value: Any, code: str
) -> None:
    bad = usage(integration_id, **{field: value})
    answer = report(tenant.admin, bad)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    good = [usage(integration_id) for _ in range(2)]
    assert rejected(tenant.admin, [good[0], bad, good[1]]) == {1: code}
    assert _totals(tenant) == (2, 2)


def test_a_cost_that_is_stated_twice_must_agree(tenant: Tenancy, integration_id: str) -> None:
    bad = usage(integration_id, cost_cents=1, cost_nanousd=10_000_001)
    assert report(tenant.admin, bad).json()["code"] == "cost_mismatch"
    assert rejected(tenant.admin, [bad, usage(integration_id)]) == {0: "cost_mismatch"}
    good = usage(integration_id, cost_cents=1.0000001, cost_nanousd=10_000_001)
    assert report(tenant.admin, good).status_code == 200


@pytest.mark.parametrize("name", ["integration_id", "call_id", "provider", "model", "tokens_in"])
def test_a_field_that_is_missing(tenant: Tenancy, integration_id: str, name: str) -> None:
    bad = usage(integration_id)
    del bad[name]
    answer = report(tenant.admin, bad)
    assert (answer.status_code, answer.json()["code"]) == (422, "missing_field")
    assert name in answer.json()["detail"]
    assert rejected(tenant.admin, [bad]) == {0: "missing_field"}


def test_an_unknown_integration(tenant: Tenancy, integration_id: str) -> None:
    for text in ("0196b2c4-7d3e-7a51-9c7e-2b8f4d6a1e00", "x", "{}", "'", " " + integration_id):
        bad = usage(text)
        answer = report(tenant.admin, bad)
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_integration")
        assert rejected(tenant.admin, [bad, usage(integration_id)]) == {0: "unknown_integration"}


def test_a_call_of_the_future(tenant: Tenancy, integration_id: str) -> None:
    bad = usage(integration_id, occurred_at=ago(seconds=-400))
    answer = report(tenant.admin, bad)
    assert (answer.status_code, answer.json()["code"]) == (422, "occurred_at_in_future")
    assert rejected(tenant.admin, [bad, usage(integration_id)]) == {0: "occurred_at_in_future"}
    soon = usage(integration_id, occurred_at=ago(seconds=-200))
    assert report(tenant.admin, soon).status_code == 200


@pytest.mark.parametrize("role", ["admin", "operator"])
def test_an_old_call_needs_an_import(tenant: Tenancy, integration_id: str, role: str) -> None:
    door = tenant.door(role)
    old = usage(integration_id, occurred_at=ago(days=36))
    answer = report(door, old)
    assert (answer.status_code, answer.json()["code"]) == (422, "backfill_needs_import")
    assert rejected(door, [usage(integration_id), old]) == {1: "backfill_needs_import"}
    opened = door.make("imports", {"note": "old calls"})
    assert report(door, old, import_id=opened["id"]).json()["status"] == "accepted"
    assert report(door, old, import_id=opened["id"]).json()["status"] == "duplicate"
    other = door.make("imports")
    assert report(door, old, import_id=other["id"]).json()["status"] == "duplicate"


def test_an_ingest_key_may_not_backfill(tenant: Tenancy, integration_id: str) -> None:
    door = tenant.door("ingest")
    import_id = tenant.admin.make("imports")["id"]
    old = usage(integration_id, occurred_at=ago(days=36))
    for params in ({}, {"import_id": import_id}):
        answer = report(door, old, **params)
        assert (answer.status_code, answer.json()["code"]) == (422, "backfill_not_allowed")
        assert rejected(door, [old], **params) == {0: "backfill_not_allowed"}
    within = usage(integration_id, occurred_at=ago(days=34))
    assert report(door, within, import_id=import_id).status_code == 200


@pytest.mark.parametrize("import_id", ["x", "", "a%00", "0196b2c4-7d3e-7a51-9c7e-2b8f4d6a1e00"])
def test_an_unknown_import(tenant: Tenancy, integration_id: str, import_id: str) -> None:
    for path in (USAGE, BATCH):
        body = usage(integration_id) if path == USAGE else {"records": [usage(integration_id)]}
        answer = tenant.admin.post(f"{path}?import_id={import_id}", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_import")
    assert _totals(tenant) == (0, 0)


def test_every_rejection_of_a_batch_is_told(tenant: Tenancy, integration_id: str) -> None:
    first = usage(integration_id)
    assert report(tenant.admin, first).status_code == 200
    records: list[Any] = [
        usage(integration_id),
        usage("nothing"),
        {},
        7,
        None,
        [],
        usage(integration_id, occurred_at=ago(days=99)),
        {**first, "tokens_in": 0},
        first,
        usage(integration_id),
    ]
    answer = tenant.admin.make(BATCH, {"records": records})
    assert (answer["accepted"], answer["duplicates"]) == (2, 1)
    codes = {item["index"]: item["code"] for item in answer["rejected"]}
    assert list(codes) == [1, 2, 3, 4, 5, 6, 7]
    assert codes == {
        1: "unknown_integration",
        2: "missing_field",
        3: "not_an_object",
        4: "not_an_object",
        5: "not_an_object",
        6: "backfill_needs_import",
        7: "call_id_conflict",
    }
    assert all(item["message"] for item in answer["rejected"])


def _raw(integration_id: str, name: str, text: str) -> str:
    record = {**usage(integration_id), name: "@"}
    return json.dumps(record).replace('"@"', text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tokens_in", "NaN"),
        ("cost_cents", "NaN"),
        ("cost_cents", "Infinity"),
        ("cost_cents", "-Infinity"),
        ("metadata", '{"a": NaN}'),
        ("tokens_in", "01"),
        ("tokens_in", "+1"),
        ("call_id", "'single'"),
        ("call_id", '"tab\there"'),
        ("metadata", '{"a": 1,}'),
    ],
)
def test_json_that_is_none_sinks_its_record_alone(
    tenant: Tenancy, integration_id: str, name: str, text: str
) -> None:
    bad = _raw(integration_id, name, text)
    answer = report_text(tenant.admin, bad)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_json")
    good = json.dumps(usage(integration_id))
    batch = report_text(tenant.admin, f'{{"records": [{good}, {bad}, {good}]}}', BATCH)
    found = batch.json()
    assert batch.status_code == 200
    assert (found["accepted"], found["duplicates"]) == (1, 1)
    assert [(item["index"], item["code"]) for item in found["rejected"]] == [(1, "invalid_json")]


@pytest.mark.parametrize(
    "text", ["1e999", "1e99999999999", "-1e999", "1" * 5000, "1." + "0" * 9000]
)
@pytest.mark.parametrize("name", ["tokens_in", "cost_cents", "latency_ms", "cost_nanousd"])
def test_numbers_beyond_every_bound(
    tenant: Tenancy, integration_id: str, name: str, text: str
) -> None:
    answer = report_text(tenant.admin, _raw(integration_id, name, text))
    assert answer.status_code in {200, 422}
    good = json.dumps(usage(integration_id))
    body = f'{{"records": [{_raw(integration_id, name, text)}, {good}]}}'
    batch = report_text(tenant.admin, body, BATCH)
    assert batch.status_code == 200
    assert batch.json()["accepted"] >= 1


def test_bytes_that_are_no_utf8(tenant: Tenancy, integration_id: str) -> None:
    bad = json.dumps(usage(integration_id, model="@@")).encode().replace(b"@@", b"\xff\xfe")
    answer = report_text(tenant.admin, bad)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_json")
    good = json.dumps(usage(integration_id)).encode()
    batch = report_text(tenant.admin, b'{"records": [' + good + b"," + bad + b"]}", BATCH)
    assert batch.json()["accepted"] == 1
    assert [item["code"] for item in batch.json()["rejected"]] == ["invalid_json"]


@pytest.mark.parametrize("escape", ['"\\ud800"', '"\\udc00x"', '"\\u0000"'])
@pytest.mark.parametrize("name", ["call_id", "model", "agent_id", "error_message"])
def test_text_that_no_store_can_hold(
    tenant: Tenancy, integration_id: str, name: str, escape: str
) -> None:
    answer = report_text(tenant.admin, _raw(integration_id, name, escape))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_text")


@pytest.mark.parametrize(
    "body", ["", "{", "null", "[]", "7", '"x"', "\xff", "{}", '{"records"}', "\x00", "[" * 100_000]
)
def test_a_body_that_is_none(tenant: Tenancy, body: str) -> None:
    for path in (USAGE, BATCH):
        answer = report_text(tenant.admin, body.encode("latin-1"), path)
        assert answer.status_code == 422, path
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [
        {"records": {}},
        {"records": None},
        {"records": [], "more": 1},
        {"record": []},
        {"records": "x"},
    ],
)
def test_a_batch_that_is_none(tenant: Tenancy, body: Any) -> None:
    answer = tenant.admin.post(BATCH, body)
    assert answer.status_code == 422
    assert answer.json()["code"] in {"invalid_body", "empty_batch"}


def test_an_empty_batch(tenant: Tenancy) -> None:
    answer = tenant.admin.post(BATCH, {"records": []})
    assert (answer.status_code, answer.json()["code"]) == (422, "empty_batch")


@pytest.mark.parametrize("size", [101, 102, 5000])
def test_a_batch_of_too_many_is_refused_whole(
    tenant: Tenancy, integration_id: str, size: int
) -> None:
    records: list[Record] = [usage(integration_id) for _ in range(size)]
    answer = tenant.admin.post(BATCH, {"records": records})
    assert (answer.status_code, answer.json()["code"]) == (422, "batch_too_large")
    assert _totals(tenant) == (0, 0)
    records[3] = {"bad": 1}
    assert tenant.admin.post(BATCH, {"records": records}).json()["code"] == "batch_too_large"


def test_a_body_beyond_the_bound(tenant: Tenancy, serve_with: ServeWith) -> None:
    andon = serve_with(ingest_body_max_bytes=2048, body_max_bytes=1024)
    own = andon.tenant()
    integration_id = own.integrate()
    large = usage(integration_id, metadata={"text": "x" * 3000})
    for path, body in ((USAGE, large), (BATCH, {"records": [large]})):
        answer = own.admin.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    management = own.admin.post("keys", {"name": "x" * 1024, "role": "viewer"})
    assert (management.status_code, management.json()["code"]) == (413, "body_too_large")
    chunks = (b"x" * 512 for _ in range(8))
    streamed = own.admin.ask("POST", USAGE, content=chunks)
    assert streamed.status_code == 413
    report_all(own.admin, [usage(integration_id, metadata={"text": "x" * 1000})])


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "x", "identity, gzip"])
@pytest.mark.parametrize("path", [USAGE, BATCH, "keys"])
def test_an_encoding_that_is_not_offered(tenant: Tenancy, path: str, encoding: str) -> None:
    content = gzip.compress(b"{}")
    headers = {"Content-Encoding": encoding}
    answer = tenant.admin.ask("POST", path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "encoding_not_offered")


@pytest.mark.parametrize("query", ["importid=x", "import_id=x&y=1", "key=1", "a" * 1000])
def test_a_query_that_is_not_known(tenant: Tenancy, integration_id: str, query: str) -> None:
    answer = tenant.admin.post(f"{USAGE}?{query}", usage(integration_id))
    assert answer.status_code == 422


def test_an_answer_repeats_nothing_of_the_record(tenant: Tenancy, integration_id: str) -> None:
    word = "hunter-two-is-private"
    bad = usage(integration_id, agent_id=word * 9, metadata={word: word})
    for answer in (
        report(tenant.admin, bad),
        tenant.admin.post(BATCH, {"records": [bad]}),
        report_text(tenant.admin, json.dumps(bad)[:-1]),
    ):
        assert word not in answer.text
