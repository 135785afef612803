"""Metrics for Prometheus, read from the ledger at each scrape, so that they include the work of all processes.

Labels are rules, verdicts, states and kinds of errors, which are few and fixed. They are never a business, a program or
a number: those are many, and not for everyone who can read metrics.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import version
from math import ceil

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from flows.ledger.read.metrics import LedgerMetrics, read_ledger_metrics
from flows.operator_files.businesses import BUSINESSES_ERROR_FLAG
from flows.services import Services
from schemas.rules import RULES

QUANTILES = (0.5, 0.95, 1.0)


def render_metrics(services: Services) -> bytes:
    """All metrics in the Prometheus text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_LedgerCollector(services))
    return generate_latest(registry)


class _LedgerCollector(Collector):
    def __init__(self, services: Services) -> None:
        self.services = services

    def collect(self) -> Iterator[Metric]:
        now = self.services.clock()
        with self.services.ledger.read() as conn:
            metrics = read_ledger_metrics(conn, now, businesses_error_flag=BUSINESSES_ERROR_FLAG)
        yield InfoMetricFamily("launchdrop", "The running version.", {"version": version("launchdrop")})
        yield from _counters(metrics)
        yield from _queues(metrics, now)
        yield from _states(metrics)
        yield _quantiles("intake_lag_seconds", "From first sighting of a drop to its verdict", metrics.intake_lags)
        yield _quantiles("launch_lateness_seconds", "From a launch being due to being live", metrics.latenesses)


def _counters(metrics: LedgerMetrics) -> Iterator[Metric]:
    verdicts = {"rejected": metrics.submissions_rejected, "other": metrics.submissions - metrics.submissions_rejected}
    yield _counter("submissions", "Submissions judged; rejected, or with another verdict.", "verdict", verdicts)
    rows = {"accepted": metrics.rows_accepted, "rejected": metrics.rows_rejected}
    yield _counter("rows", "Rows of numbers files read.", "outcome", rows)
    findings = CounterMetricFamily(
        "launchdrop_findings", "Findings; those with severity error reject rows or drops.", labels=["rule", "severity"]
    )
    for rule, count in sorted(metrics.findings.items()):
        findings.add_metric([rule, RULES[rule].severity if rule in RULES else "unknown"], count)
    yield findings
    errors = dict.fromkeys(("down", "refused", "unsure"), 0) | dict(metrics.carrier_errors)
    yield _counter("carrier_errors", "Calls to the carrier that failed.", "kind", errors)


def _queues(metrics: LedgerMetrics, now: datetime) -> Iterator[Metric]:
    """For each queue: how many are waiting, and how long the oldest has waited."""
    queues = {
        "arriving": (metrics.arriving, metrics.arriving_since),
        "launch": (metrics.overdue, metrics.overdue_since),
        "review": (metrics.reviews, metrics.reviews_since),
        "held": (metrics.held, metrics.held_since),
    }
    sizes = GaugeMetricFamily(
        "launchdrop_waiting", "Drops arriving, launches due, reviews, submissions held.", labels=["queue"]
    )
    waits = GaugeMetricFamily("launchdrop_waiting_seconds", "How long the oldest has waited.", labels=["queue"])
    for name, (size, since) in queues.items():
        sizes.add_metric([name], size)
        waits.add_metric([name], max(0.0, (now - since).total_seconds()) if since else 0.0)
    yield sizes
    yield waits


def _states(metrics: LedgerMetrics) -> Iterator[Metric]:
    programs = GaugeMetricFamily(
        "launchdrop_programs", "Programs by the state of their newest revision.", labels=["state"]
    )
    for state, count in sorted(metrics.programs.items()):
        programs.add_metric([state], count)
    yield programs
    numbers = GaugeMetricFamily("launchdrop_numbers", "Numbers by state.", labels=["state"])
    for state, count in sorted(metrics.numbers.items()):
        numbers.add_metric([state], count)
    yield numbers
    unanswered = "Held submissions of businesses that asked about too many numbers of others."
    yield GaugeMetricFamily("launchdrop_unanswered", unanswered, metrics.unanswered)
    yield GaugeMetricFamily("launchdrop_batches_unknown", "Batches with an unknown outcome.", metrics.unknown_batches)
    yield GaugeMetricFamily("launchdrop_paused", "Whether launching is paused.", int(metrics.paused))
    unreadable = "Whether businesses.yaml cannot be read."
    yield GaugeMetricFamily("launchdrop_businesses_unreadable", unreadable, int(metrics.businesses_unreadable))


def _counter(name: str, description: str, label: str, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(f"launchdrop_{name}", description, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family


def _quantiles(name: str, description: str, values: Sequence[float]) -> Metric:
    """Quantiles of a sorted sample. Each is one of its values; an empty sample has none."""
    family = GaugeMetricFamily(f"launchdrop_{name}", f"{description}, in the last hour.", labels=["quantile"])
    for quantile in QUANTILES if values else ():
        family.add_metric([f"{quantile:g}"], values[ceil(quantile * len(values)) - 1])
    return family
