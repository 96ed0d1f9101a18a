"""Why a record or a batch is refused: stable codes, and messages that name the field."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from andon.schemas.cus_schemas import safe_errors

MAX_RECORDS = 100


@dataclass(frozen=True, slots=True)
class Rejection:
    """Say which record of a batch was refused, and why."""

    index: int
    code: str
    message: str


class RecordRefused(Exception):
    """The record does not follow the contract; correct the field that the message names."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class BatchRefused(Exception):
    """The body is no batch of records; none of it was taken."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


_WRONG_TYPE = "wrong_type"
_CODES = {
    "missing": ("missing_field", "is required; add it"),
    "extra_forbidden": ("unknown_field", "is not a field of a usage record; remove it"),
    "json_invalid": ("invalid_json", "send valid JSON (RFC 8259, UTF-8 without a BOM)"),
    "model_type": ("not_an_object", "send an object"),
    "model_attributes_type": ("not_an_object", "send an object"),
    "int_type": (_WRONG_TYPE, "give a whole number, without quotes and without a fraction"),
    "int_parsing_size": ("number_out_of_range", "give a number within the bounds"),
    "bool_type": (_WRONG_TYPE, "give true or false"),
    "string_type": (_WRONG_TYPE, "give text"),
    "dict_type": (_WRONG_TYPE, "give an object"),
    "number_type": (_WRONG_TYPE, "give a JSON number of at most 7 decimals, without quotes"),
    "time_type": (_WRONG_TYPE, "give a time as text, such as 2026-01-31T12:00:00.123Z"),
    "string_too_long": ("text_too_long", ""),
    "string_too_short": ("text_too_short", ""),
    "greater_than_equal": ("number_out_of_range", ""),
    "less_than_equal": ("number_out_of_range", ""),
    "enum": ("unknown_value", ""),
    "literal_error": ("unknown_value", ""),
}


def judge(exc: ValidationError) -> RecordRefused:
    """Make the refusal of a record from the first error of its model."""
    first = safe_errors(exc)[0]
    code, advice = _CODES.get(first["type"], (first["type"], ""))
    field = ".".join(str(part) for part in first["loc"] if part != "[key]")
    message = advice or first["msg"]
    return RecordRefused(code, f"{field}: {message}" if field else message)


def no_json() -> BatchRefused:
    """Refuse a body that cannot be taken apart."""
    return BatchRefused(
        "invalid_json", "send valid JSON (RFC 8259, UTF-8 without a BOM) as the body"
    )


def no_batch() -> BatchRefused:
    """Refuse a body of another form."""
    return BatchRefused(
        "invalid_body", 'send an object with one field: {"records": [...]}, 1 to 100 records'
    )


def too_large() -> BatchRefused:
    """Refuse a batch of more records than one transaction should hold."""
    return BatchRefused("batch_too_large", f"send at most {MAX_RECORDS} records a batch; split it")


def no_records() -> BatchRefused:
    """Refuse a batch of nothing."""
    return BatchRefused("empty_batch", "send at least one record")
