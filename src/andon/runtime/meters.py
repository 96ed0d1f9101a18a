"""Prometheus metrics of the service, in base units."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_RECORDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_MOST_REMEMBERED = 2_000


class Meters:
    """Every counter, gauge and histogram, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._of_request: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.requests = Counter(
            "andon_http_requests",
            "HTTP requests answered, by route and status.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "andon_http_request_duration_seconds",
            "Time from request to answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.records = Counter(
            "andon_usage_records",
            "Usage records, by outcome: accepted, duplicate or rejected.",
            ["outcome"],
            registry=registry,
        )
        self.accepted = self.records.labels("accepted")
        self.duplicates = self.records.labels("duplicate")
        self.rejected = Counter(
            "andon_usage_records_rejected",
            "Usage records rejected, by code.",
            ["code"],
            registry=registry,
        )
        self.unpriced = Counter(
            "andon_usage_records_unpriced",
            "Usage records whose price is unknown.",
            registry=registry,
        )
        self.folded = Counter(
            "andon_usage_names_folded",
            "Usage records summed under (other), because the day has too many names.",
            ["kind"],
            registry=registry,
        )
        self.queue_depth = Gauge(
            "andon_intake_queue_records",
            "Usage records that wait for a commit.",
            registry=registry,
        )
        self.queue_refused = Counter(
            "andon_intake_refused_records",
            "Usage records refused with 503, because the queue was full.",
            registry=registry,
        )
        self.group_records = Histogram(
            "andon_intake_group_records",
            "Usage records of one commit.",
            buckets=_RECORDS,
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "andon_intake_commit_duration_seconds",
            "Time of one commit of usage records.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.commit_failures = Counter(
            "andon_intake_commit_failures",
            "Commits of usage records that failed; their callers were told.",
            registry=registry,
        )
        self.auth_failures = Counter(
            "andon_auth_failures", "Requests without a valid key.", registry=registry
        )
        self.books_differences = Gauge(
            "andon_books_differences",
            "Rows that the last pass over all books found to differ from the records.",
            registry=registry,
        )
        self.verify_runs = Counter(
            "andon_verify_runs",
            "Passes over all books, by outcome: balanced, different, unsettled or failed.",
            ["outcome"],
            registry=registry,
        )
        self.sweeps = Counter(
            "andon_sweeps", "Housekeeping passes, by outcome.", ["outcome"], registry=registry
        )
        self.erased_texts = Counter(
            "andon_error_texts_erased", "Error texts erased by age.", registry=registry
        )

        self.dropped_records = Counter(
            "andon_usage_records_dropped",
            "Usage records dropped by retention; their sums stay.",
            registry=registry,
        )
        self.dropped_generations = Counter(
            "andon_dedupe_generations_dropped",
            "Pieces of dedupe keys dropped, as they were past the horizon.",
            registry=registry,
        )
        self.erased_records = Counter(
            "andon_usage_records_erased",
            "Usage records erased on request; their sums stay.",
            registry=registry,
        )

    def note_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request; its labels are looked up once."""
        place = (method, route, status)
        meters = self._of_request.get(place)
        if meters is None:
            meters = (
                self.requests.labels(method, route, str(status)),
                self.request_seconds.labels(route),
            )
            if len(self._of_request) < _MOST_REMEMBERED:
                self._of_request[place] = meters
        count, duration = meters
        count.inc()
        duration.observe(seconds)

    def count_rejected(self, code: str) -> None:
        """Count a usage record that was rejected."""
        self.records.labels("rejected").inc()
        self.rejected.labels(code).inc()
