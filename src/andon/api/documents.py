"""Parts of the OpenAPI document that no framework writes: problems and the raw ingest path."""

from typing import Any

from andon.engines.tenants.roles import Permission
from andon.schemas.cus_schemas import CusLLMUsageBatchIngest, CusLLMUsageIngest

PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable; see docs/errors.md"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
        "retry_after_seconds": {"type": "integer"},
    },
}

_IMPORT_ID = {
    "name": "import_id",
    "in": "query",
    "required": False,
    "description": "the import that calls older than the dedupe horizon belong to",
    "schema": {"type": "string"},
}


def _schema(model: Any) -> dict[str, Any]:
    schema: dict[str, Any] = model.model_json_schema(ref_template="#/$defs/{model}")
    inlined: dict[str, Any] = _inlined(schema, schema.get("$defs", {}))
    return inlined


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, dict):
        ref = node.get("$ref")
        if isinstance(ref, str):
            return _inlined(definitions[ref.rsplit("/", 1)[1]], definitions)
        return {k: _inlined(v, definitions) for k, v in node.items() if k != "$defs"}
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    return node


def _operation(name: str, summary: str, model: Any, answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "post": {
            "tags": ["telemetry"],
            "operationId": name,
            "summary": summary,
            "security": [{"key": []}],
            "x-permission": str(Permission.REPORT_USAGE),
            "parameters": [_IMPORT_ID],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _schema(model)}},
            },
            "responses": {
                "200": {
                    "description": "Durable",
                    "content": {"application/json": {"schema": answer}},
                }
            },
        }
    }


_ONE_ANSWER = {
    "type": "object",
    "properties": {"status": {"enum": ["accepted", "duplicate"]}, "id": {"type": "string"}},
}
_BATCH_ANSWER = {
    "type": "object",
    "properties": {
        "accepted": {"type": "integer"},
        "duplicates": {"type": "integer"},
        "rejected": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}

INGEST_PATHS: dict[str, Any] = {
    "/api/v1/telemetry/llm-usage": _operation(
        "record_usage", "Report one LLM call.", CusLLMUsageIngest, _ONE_ANSWER
    ),
    "/api/v1/telemetry/llm-usage/batch": _operation(
        "record_usage_batch",
        "Report up to 100 LLM calls; one bad record does not sink the others.",
        CusLLMUsageBatchIngest,
        _BATCH_ANSWER,
    ),
}
