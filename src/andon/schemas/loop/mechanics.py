"""The frozen numbers of the loop; changing one demands a new LOOP_MECHANICS_VERSION."""

from __future__ import annotations

from typing import Final

LOOP_MECHANICS_VERSION: Final = "LOOP_MECHANICS_V1"
LOOP_MECHANICS_FROZEN_AT: Final = "2026-11-24"

CONFIDENCE_VERSION: Final = "CONFIDENCE_V1"
STRONG_THRESHOLD: Final = 0.85
WEAK_THRESHOLD: Final = 0.60
STRONG_START: Final = 0.7
WEAK_START: Final = 0.5
BOOST_AT_TWO: Final = 0.10
BOOST_AT_THREE: Final = 0.20
CONFIDENCE_CAP: Final = 0.90
AUTO_APPLY_OCCURRENCES: Final = 3

CONFIRMATIONS_REQUIRED: Final = 3
REGRETS_TO_DISABLE: Final = 3

MAX_DELTA: Final = 0.2
DECAY_DAYS: Final = 7
ROLLBACK_THRESHOLD: Final = 0.1

TOTAL_STAGES: Final = 5
