"""Raw keys of every provider are known by their shape, and what only looks alike is left alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.models.redaction import (
    contains_raw_key,
    is_secret_name,
    may_hold_raw_key,
    redact,
    redact_value,
)

BODY = "Canary0123456789abcdefXYZghijklmnopqrstuv"
HEX32 = "0123456789abcdef0123456789abcdef"
KEYS = {
    "openai": "sk-" + BODY,
    "openai project": "sk-proj-" + BODY + "_-x",
    "openai service": "sk-svcacct-" + BODY,
    "anthropic": "sk-ant-api03-" + BODY,
    "openrouter": "sk-or-v1-" + HEX32 * 2,
    "google": "AIza" + BODY[:35],
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "aws session": "ASIAIOSFODNN7EXAMPLE",
    "aws pair": "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "bedrock": "ABSK" + BODY * 2,
    "groq": "gsk_" + BODY,
    "hugging face": "hf_" + BODY,
    "xai": "xai-" + BODY,
    "perplexity": "pplx-" + BODY,
    "replicate": "r8_" + BODY,
    "nvidia": "nvapi-" + BODY,
    "github": "ghp_" + BODY,
    "github fine": "github_pat_" + BODY,
    "slack": "xoxb-123456789012-" + BODY,
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "andon": "andon_Ab3dEf9h_" + "a1B2c3D4" * 6 + "z",
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/ab==\n-----END RSA PRIVATE KEY-----",
    "cut private key": "-----BEGIN PRIVATE KEY-----\nMIIEow",
}
IN_CONTEXT = {
    "api_key=" + HEX32: HEX32,
    "api-key: " + HEX32: HEX32,
    '"Api-Key": "' + HEX32 + '"': HEX32,
    "Incorrect API key provided: " + HEX32 + ".": HEX32,
    "AZURE_OPENAI_API_KEY=" + HEX32: HEX32,
    "Ocp-Apim-Subscription-Key: " + HEX32: HEX32,
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": "wJalrXUtnFEMI/K7MDENG",
    "Authorization: Bearer abcdef0123456789abcdef": "abcdef0123456789abcdef",
    "authorization: basic dXNlcjpwYXNzd29yZDE=": "dXNlcjpwYXNzd29yZDE=",
    "https://user:hunter2@host/path": "hunter2",
    "postgresql://u:p@ss@host": "p@ss",
    "token=" + HEX32: HEX32,
    "PASSWORD=" + HEX32: HEX32,
}
HARMLESS = [
    "gpt-4o-mini",
    "0198f3a2-7b5c-7d1e-9a3b-1c2d3e4f5a6b",
    HEX32,
    "task-force-of-the-department-of-agriculture",
    "Bearer authentication failed",
    "basic authentication is not supported",
    "sk-***************abcd",
    "Incorrect API key provided",
    "vault://kv/openai#key",
    "env://OPENAI_API_KEY",
    "https://api.openai.com/v1/chat/completions",
    "max_tokens: 4096, prompt tokens: 1234567890123456789",
    "[redacted:01234567]",
    "Visit https://docs.example/key?topic=secrets to learn more",
    "monkey: bananas",
]


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("around", ["{}", "key {} was refused", "('{}')", 'x="{}",', "é{}é"])
def test_a_raw_key_is_found_and_taken_out(key: str, around: str) -> None:
    text = around.format(key)
    assert contains_raw_key(text)
    assert may_hold_raw_key(text)
    assert key[:24] not in redact(text)
    assert not contains_raw_key(redact(text))


@pytest.mark.parametrize(("text", "secret"), IN_CONTEXT.items())
def test_a_key_without_a_shape_is_known_by_what_names_it(text: str, secret: str) -> None:
    assert contains_raw_key(text)
    assert may_hold_raw_key(text)
    assert secret not in redact(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_key_stays(text: str) -> None:
    assert not contains_raw_key(text)
    assert redact(text) == text


def test_the_rest_of_the_text_stays_and_equal_keys_stay_equal() -> None:
    key, other = KEYS["openai"], KEYS["groq"]
    once = redact(f"a {key} b")
    assert once.startswith("a [redacted:")
    assert once.endswith("] b")
    assert redact(key) == redact(key) != redact(other)


def test_redacting_again_changes_nothing() -> None:
    text = " ".join([*KEYS.values(), *IN_CONTEXT])
    assert redact(redact(text)) == redact(text)


def test_values_are_walked_with_the_names_of_objects() -> None:
    key = KEYS["anthropic"]
    value = {"a": [1, None, {key: f"x {key}"}], "api_key": HEX32, "n": 1.5, "ok": True}
    redacted = redact_value(value)
    assert key not in json.dumps(redacted)
    assert HEX32 not in json.dumps(redacted)
    assert (redacted["n"], redacted["ok"], redacted["a"][:2]) == (1.5, True, [1, None])


def test_references_under_the_name_of_a_secret_stay() -> None:
    value = {"credential_ref": "vault://kv/openai", "api_key": "env://OPENAI_API_KEY"}
    assert redact_value(value) == value


@pytest.mark.parametrize(
    "name", ["api_key", "X-Api-Key", "apiKey", "clientSecret", "DB_PASSWORD", "auth_token", "token"]
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["credential_ref", "max_tokens", "token_limit", "region", "monkey"]
)
def test_names_that_only_resemble_those_are_not(name: str) -> None:
    assert not is_secret_name(name)


PIECES = st.sampled_from(
    [
        *KEYS.values(),
        *IN_CONTEXT,
        *HARMLESS,
        *(key[: len(key) // 2] for key in KEYS.values()),
        *(
            '"',
            "\\",
            "/",
            " ",
            "=",
            ":",
            "\n",
            "é",
            "😀",
            "Key",
            "TOKEN",
            "Secret",
            "pwd",
            "Basic ",
        ),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES | st.text(max_size=8), max_size=5).map("".join), st.booleans())
def test_the_quick_look_at_json_never_misses_a_key(text: str, ascii_only: bool) -> None:
    written = json.dumps([text], ensure_ascii=ascii_only)
    if contains_raw_key(text):
        assert may_hold_raw_key(written)


@pytest.mark.parametrize("escape", [r"\u0073k-", r"s\u006b-", "https:\\/\\/"])
def test_escapes_hide_nothing_from_the_quick_look(escape: str) -> None:
    assert may_hold_raw_key('{"a": "' + escape + '"}')


def test_the_quick_look_clears_an_ordinary_record() -> None:
    raw = '{"call_id": "0198f3a2-7b5c-7d1e", "model": "gpt-4o", "tokens_in": 3, "tokens_out": 4}'
    assert not may_hold_raw_key(raw)


STARTS = [
    *("sk-", "eyJ-", "eyJaaaaaaaaa.", "a", "-----BEGIN PRIVATE KEY-----", "bearer ", "basic "),
    *("://a:", "://", "a@", "api_key=", "token:", "AKIA", "api key ", "xoxb-", "secret=", "\\"),
]


@pytest.mark.parametrize("start", STARTS)
def test_a_megabyte_of_beginnings_comes_to_an_end(start: str) -> None:
    text = start * (1_000_000 // len(start))
    contains_raw_key(text)
    assert not contains_raw_key(redact(text)) or start in ("://a:", "://")
