"""How many calls a second are priced: the compiled table beside `genai_prices.calc_price`."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version

from genai_prices import Usage, calc_price

from andon.adapters.pricing import bundled_table
from andon.engines.pricing import price

RUNS = 3
SECONDS_A_RUN = 0.4
CALLS_BETWEEN_LOOKS_AT_THE_CLOCK = 100
AT = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
AT_US = int(AT.timestamp()) * 1_000_000
TOKENS_IN, CACHED, TOKENS_OUT = 1_200, 800, 300

CALLS = [
    ("flat price", "openai", "gpt-4o"),
    ("price by input size", "anthropic", "claude-sonnet-4-5"),
    ("price by date", "openai", "o3"),
    ("price by time of day", "deepseek", "deepseek-chat"),
]


def ours(provider: str, model: str) -> int:
    row = bundled_table().find(provider, model, AT_US)
    if row is None:
        raise LookupError(f"the installed table has no price for {provider}/{model}")
    return price(row.rates, tokens_in=TOKENS_IN, tokens_out=TOKENS_OUT, tokens_cache_read=CACHED)


def theirs(provider: str, model: str) -> int:
    usage = Usage(input_tokens=TOKENS_IN, cache_read_tokens=CACHED, output_tokens=TOKENS_OUT)
    answer = calc_price(usage, model, provider_id=provider, genai_request_timestamp=AT)
    return round(answer.total_price * 1_000_000_000)


def calls_a_second(call: Callable[[str, str], int], provider: str, model: str) -> float:
    """Give the median of the runs, each a fixed time long and warm."""
    call(provider, model)
    return statistics.median(one_run(call, provider, model) for _ in range(RUNS))


def one_run(call: Callable[[str, str], int], provider: str, model: str) -> float:
    done, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < SECONDS_A_RUN:
        for _ in range(CALLS_BETWEEN_LOOKS_AT_THE_CLOCK):
            call(provider, model)
        done += CALLS_BETWEEN_LOOKS_AT_THE_CLOCK
    return done / elapsed


def main() -> None:
    """Print the table; both sides must give the same price before either is timed."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}")
    print(f"{platform.python_implementation()} {platform.python_version()}, ", end="")
    print(f"genai-prices {version('genai-prices')}; median of {RUNS} runs of {SECONDS_A_RUN} s")
    print(f"{'calls priced a second':<24}{'andon':>12}{'genai-prices':>14}{'ratio':>8}")
    for name, provider, model in CALLS:
        if ours(provider, model) != theirs(provider, model):
            raise ValueError(f"the two sides disagree about {provider}/{model}")
        compiled = calls_a_second(ours, provider, model)
        library = calls_a_second(theirs, provider, model)
        print(f"{name:<24}{compiled:>12,.0f}{library:>14,.0f}{compiled / library:>7.0f}x")


if __name__ == "__main__":
    main()
