"""Run the benches: `python -m bench [--only name] [--save]`."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Callable, Iterator

from bench import ingest, pricing, results

BENCHES: dict[str, Callable[[], None]] = {"ingest": ingest.main, "pricing": pricing.main}


class _Both(io.StringIO):
    """Prints and remembers."""

    def write(self, text: str) -> int:
        sys.__stdout__.write(text) if sys.__stdout__ else None
        return super().write(text)

    def flush(self) -> None:
        if sys.__stdout__:
            sys.__stdout__.flush()


@contextlib.contextmanager
def _remembered() -> Iterator[_Both]:
    with _Both() as both, contextlib.redirect_stdout(both):
        yield both


def main() -> int:
    """Run the bench that was named, or all of them; keep the figures when asked to."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", choices=sorted(BENCHES), help="the bench to run")
    parser.add_argument("--save", action="store_true", help="write them to bench/RESULTS.md")
    asked = parser.parse_args()
    for name in [asked.only] if asked.only else BENCHES:
        print(f"== {name}", flush=True)
        started = results.Started.now()
        with _remembered() as printed:
            BENCHES[name]()
            if asked.save:
                results.keep(name, printed.getvalue(), started)
    return 0


if __name__ == "__main__":
    sys.exit(main())
