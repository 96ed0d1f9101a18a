"""API keys: minted, recognised by form, adopted, and never a reason for an exception."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.engines.tenants import keys

RANDOM = st.binary(min_size=keys.RANDOM_BYTES, max_size=keys.RANDOM_BYTES)
FORM = re.compile(r"andon_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}")


@given(RANDOM)
def test_a_minted_key_has_its_form_and_finds_itself(raw: bytes) -> None:
    minted = keys.mint_key(raw)
    assert FORM.fullmatch(minted.secret)
    assert keys.prefix_of(minted.secret) == minted.prefix
    assert keys.matches(minted.secret, minted.digest)


@given(RANDOM, RANDOM)
def test_two_keys_do_not_match_each_other(one: bytes, other: bytes) -> None:
    first, second = keys.mint_key(one), keys.mint_key(other)
    assert keys.matches(first.secret, second.digest) is (first.secret == second.secret)


def test_too_little_randomness_is_refused() -> None:
    with pytest.raises(ValueError, match="48 random bytes"):
        keys.mint_key(bytes(keys.RANDOM_BYTES - 1))


def test_a_key_is_not_in_its_repr() -> None:
    minted = keys.mint_key(bytes(range(48)))
    assert minted.secret not in repr(minted)
    assert minted.secret[15:] not in repr(minted)


@given(RANDOM, st.integers(min_value=0, max_value=63), st.sampled_from("0Zz_-é"))
def test_a_key_with_one_wrong_character_is_looked_up_elsewhere(
    raw: bytes, place: int, wrong: str
) -> None:
    minted = keys.mint_key(raw)
    place %= len(minted.secret)
    if minted.secret[place] == wrong:
        return
    altered = minted.secret[:place] + wrong + minted.secret[place + 1 :]
    assert keys.prefix_of(altered) != minted.prefix
    assert not keys.matches(altered, minted.digest)


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=24, max_size=512))
def test_an_adopted_key_is_looked_up_by_its_hash(secret: str) -> None:
    adopted = keys.adopt_key(secret)
    assert adopted.prefix == keys.prefix_of(secret)
    assert keys.matches(secret, adopted.digest)
    assert not keys.matches(secret + "x", adopted.digest)


@pytest.mark.parametrize("text", ["", "x" * 23, "x" * 513, "a" * 30 + "\n", "a" * 30 + "\x00"])
def test_what_cannot_be_a_key_is_not_looked_up(text: str) -> None:
    assert keys.prefix_of(text) is None


def test_a_prefix_never_holds_what_it_is_made_of() -> None:
    chosen = "correct horse battery staple"
    prefix = keys.prefix_of(chosen)
    assert prefix is not None
    assert re.fullmatch("#[0-9a-f]{16}", prefix)


def hostile(dice: random.Random) -> str:
    alphabet = "andon_0Az'\"%;\\\x00\x1f\u202e\ud800\U0001f600é -/*"
    kind = dice.randrange(4)
    if kind == 0:
        return "".join(dice.choice(alphabet) for _ in range(dice.randrange(600)))
    if kind == 1:
        return "andon_" + "".join(dice.choice(alphabet) for _ in range(58))
    if kind == 2:
        return "andon_" + "_" * dice.randrange(60)
    minted = keys.mint_key(dice.randbytes(48)).secret
    return minted[: dice.randrange(len(minted))] + dice.choice(alphabet)


def test_a_hundred_thousand_hostile_values_are_answered_and_not_raised() -> None:
    dice = random.Random(20261124)
    known = keys.mint_key(dice.randbytes(48))
    for _ in range(100_000):
        presented = hostile(dice)
        prefix = keys.prefix_of(presented)
        assert prefix is None or re.fullmatch("[0-9A-Za-z]{8}|#[0-9a-f]{16}", prefix)
        assert not keys.matches(presented, known.digest)
