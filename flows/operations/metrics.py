"""Metrics for Prometheus, asked of the ledger at each scrape: every process and every pass counts.

No label is a business, a program or a number: there are hundreds of the first, and the others are nobody's to see.
Rules, verdicts, states and kinds of errors are few and fixed.
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
    """All metrics as they are now, in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Ledger(services))
    return generate_latest(registry)


class _Ledger(Collector):
    def __init__(self, services: Services) -> None:
        self.services = services

    def collect(self) -> Iterator[Metric]:
        now = self.services.clock()
        with self.services.ledger.read() as conn:
            seen = read_ledger_metrics(conn, now, businesses_error_flag=BUSINESSES_ERROR_FLAG)
        yield InfoMetricFamily("launchdrop", "The version that is asked.", {"version": version("launchdrop")})
        yield from _sums(seen)
        yield from _waiting(seen, now)
        yield from _states(seen)
        yield _quantiles("intake_lag_seconds", "From a drop's first sighting to its verdict", seen.intake_lags)
        yield _quantiles("launch_lateness_seconds", "From when a launch was due until it was live", seen.latenesses)


def _sums(seen: LedgerMetrics) -> Iterator[Metric]:
    """What only grows."""
    verdicts = {"rejected": seen.submissions_rejected, "other": seen.submissions - seen.submissions_rejected}
    yield _counter("submissions", "Submissions judged, by whether nothing of them went in.", "verdict", verdicts)
    rows = {"accepted": seen.rows_accepted, "rejected": seen.rows_rejected}
    yield _counter("rows", "Rows of numbers files read.", "outcome", rows)
    findings = CounterMetricFamily("launchdrop_findings", "Findings; errors reject.", labels=["rule", "severity"])
    for rule, count in sorted(seen.findings.items()):
        findings.add_metric([rule, RULES[rule].severity if rule in RULES else "unknown"], count)
    yield findings
    errors = dict.fromkeys(("down", "refused", "unsure"), 0) | dict(seen.carrier_errors)
    yield _counter("carrier_errors", "Calls that the carrier did not do or answer.", "kind", errors)


def _waiting(seen: LedgerMetrics, now: datetime) -> Iterator[Metric]:
    """Queues: how many wait, and the longest of them for how long."""
    queues = {
        "arriving": (seen.arriving, seen.arriving_since),
        "launch": (seen.overdue, seen.overdue_since),
        "review": (seen.reviews, seen.reviews_since),
        "held": (seen.held, seen.held_since),
    }
    sizes = GaugeMetricFamily("launchdrop_waiting", "Drops, due launches, reviews, held ones.", labels=["queue"])
    longest = GaugeMetricFamily("launchdrop_waiting_seconds", "Since when the first of them waits.", labels=["queue"])
    for name, (size, since) in queues.items():
        sizes.add_metric([name], size)
        longest.add_metric([name], max(0.0, (now - since).total_seconds()) if since else 0.0)
    yield sizes
    yield longest


def _states(seen: LedgerMetrics) -> Iterator[Metric]:
    programs = GaugeMetricFamily("launchdrop_programs", "Programs, by their newest revision's state.", labels=["state"])
    for state, count in sorted(seen.programs.items()):
        programs.add_metric([state], count)
    yield programs
    numbers = GaugeMetricFamily("launchdrop_numbers", "Numbers of programs, by state.", labels=["state"])
    for state, count in sorted(seen.numbers.items()):
        numbers.add_metric([state], count)
    yield numbers
    yield GaugeMetricFamily("launchdrop_batches_unknown", "Batches of unknown fate.", seen.unknown_batches)
    yield GaugeMetricFamily("launchdrop_paused", "Whether launching is paused.", int(seen.paused))
    wrong = "Whether businesses.yaml cannot be read."
    yield GaugeMetricFamily("launchdrop_businesses_unreadable", wrong, int(seen.businesses_unreadable))


def _counter(name: str, says: str, label: str, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(f"launchdrop_{name}", says, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family


def _quantiles(name: str, says: str, values: Sequence[float]) -> Metric:
    """Of a sorted sample, each quantile a value of it; nothing where there is none."""
    family = GaugeMetricFamily(f"launchdrop_{name}", f"{says}; of the last hour.", labels=["quantile"])
    for quantile in QUANTILES if values else ():
        family.add_metric([f"{quantile:g}"], values[ceil(quantile * len(values)) - 1])
    return family
