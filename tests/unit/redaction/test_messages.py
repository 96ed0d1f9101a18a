"""Error messages: keys, addresses and quoted prompts go, the provider's own words stay."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.models.redaction import mask_error_message

PROMPT = "please tell me all about the harvest of 1923 in my village"


def test_an_ordinary_message_stays_as_it_is() -> None:
    text = "429 Rate limit reached for 'gpt-4o' in organization org-1: can't serve, don't retry"
    assert mask_error_message(text) == text


@pytest.mark.parametrize("quotes", ['""', "''", "``", "“”", "«»", ('\\"', '\\"')])
def test_a_long_quote_becomes_its_length(quotes: str | tuple[str, str]) -> None:
    text = f"invalid prompt: {quotes[0]}{PROMPT}{quotes[1]} (code 7)"
    assert (
        mask_error_message(text) == f'invalid prompt: "[quoted {len(PROMPT)} characters]" (code 7)'
    )


@pytest.mark.parametrize(("length", "stays"), [(39, True), (40, False)])
def test_quotes_are_long_from_40_characters(length: int, stays: bool) -> None:
    body = "word " * 20
    assert (body[:length] in mask_error_message(f'"{body[:length]}"')) is stays


def test_a_quote_without_an_end_is_a_quote() -> None:
    assert PROMPT not in mask_error_message(f'cannot parse "{PROMPT}')


def test_an_apostrophe_is_no_quote() -> None:
    text = f"it's the user's {PROMPT} that can't be served"
    assert mask_error_message(text) == text


@pytest.mark.parametrize(
    "form",
    [
        '{{"error": {{"message": "{}", "type": "x"}}}}',
        "Error code: 400 - {{'error': {{'message': '{}', 'code': 400}}}}",
        "{{ message: '{}', type: 'tokens' }}",
        'error="{}"',
    ],
)
def test_the_message_of_an_envelope_stays_and_is_masked_inside(form: str) -> None:
    words = "You exceeded your current quota, please check your plan and billing"
    assert mask_error_message(form.format(words)) == form.format(words)
    inner = f"{words}: `{PROMPT}`"
    masked = mask_error_message(form.format(inner))
    assert words in masked
    assert PROMPT not in masked


def test_addresses_in_quotes_stay() -> None:
    text = 'timeout on "https://bedrock-runtime.us-east-1.amazonaws.com/model/x/converse"'
    assert mask_error_message(text) == text


def test_keys_mail_and_userinfo_go() -> None:
    masked = mask_error_message(
        "key sk-proj-Canary0123456789abc of bob.x@example.com at https://tok@h/ and db://u:p@h/"
    )
    assert masked.startswith("key [redacted:")
    assert masked.endswith("] of [email] at https://[userinfo]@h/ and db://[userinfo]@h/")


@pytest.mark.parametrize("letter", ["a", "é", "€", "😀"])
@pytest.mark.parametrize("limit", [64, 4096])
def test_what_is_too_long_is_cut_between_characters_with_a_mark(letter: str, limit: int) -> None:
    text = letter * 5000
    masked = mask_error_message(text, limit)
    size = len(text.encode())
    assert masked.endswith(f" …[cut, {size} bytes in all]")
    assert limit - 4 < len(masked.encode()) <= limit
    assert set(masked.split(" …")[0]) == {letter}


def test_what_just_fits_is_not_cut() -> None:
    assert mask_error_message("x" * 4096) == "x" * 4096


@pytest.mark.parametrize("lead", range(32_720, 32_772, 4))
def test_a_key_at_the_end_of_what_is_read_does_not_show(lead: int) -> None:
    key = "sk-proj-Canary0123456789abc"
    masked = mask_error_message('"' + "word " * 6000 + '"' + "x" * (lead - 30_002) + " " + key)
    assert "Canary" not in masked
    assert "sk-proj" not in masked


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.text(max_size=20) | st.sampled_from(["'", '"', "\\", "`", "“", 'message": "', "a" * 50])
    ).map("".join),
    st.integers(64, 300),
)
def test_the_answer_is_bounded_whatever_comes(text: str, limit: int) -> None:
    assert len(mask_error_message(text, limit).encode("utf-8", "replace")) <= limit


HOSTILE = ["'a ", " '", "\\'", '"', "“", '"message":"', "`'\"", "\\", "a.a@a.", "'sk-"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_megabyte_of_quotes_comes_to_an_end(piece: str) -> None:
    assert len(mask_error_message(piece * (1_000_000 // len(piece))).encode()) <= 4096
