"""The CPU time of each part of a parallel pass, which shows the limits of more workers."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

from flows import pipeline
from flows.arrival.completeness import SettledDrop
from flows.arrival.leases import DropLeases
from flows.arrival.scan import scan_inbox
from flows.ledger.core.outbox import claim_outbox_entries
from flows.scaling.parallel_pass import claim_block
from flows.scaling.worker_tasks import QueuedDrop, make_worker_setup, prepare_block, register_block, write_entries
from schemas.model.policy import FindingCaps, Policy
from schemas.rows.first_pass import run_first_pass
from schemas.rows.judging.cross_row_checks import check_across_rows
from schemas.rows.reading.csv_records import split_records
from schemas.rows.reading.encoding import decode_to_utf8, detect_encoding
from schemas.rows.reading.long_lines import LineSplitter
from schemas.rows.second_pass import run_second_pass
from schemas.rows.types import NumbersSource, NumberTerms
from tests.bench.sample_ledger import open_home
from tests.bench.sandbox import make_home, write_drop

Times = dict[str, float]


@contextmanager
def cpu_timer(times: Times, name: str) -> Iterator[None]:
    """Record the CPU time of this process during the block. Other load on the machine does not count."""
    started = time.process_time()
    yield
    times[name] = time.process_time() - started


def time_drop_parts(home: Path, count: int, rows: int) -> Times:
    """CPU seconds for `count` drops: prepared, registered in order, pages written."""
    inbox = make_home(home)
    for number in range(count + 1):
        write_drop(inbox, f"drop-{number}", rows=rows, owner=number)
    times: Times = {}
    with open_home(home) as services:
        setup = make_worker_setup(services)
        scanned = pipeline.make_inbox(services)
        now = services.clock()
        list(scan_inbox(scanned, now=now))
        settled = [
            o.sighting for o in scan_inbox(scanned, now=now + timedelta(seconds=1)) if isinstance(o, SettledDrop)
        ]
        leases = DropLeases(services.ledger, clock=services.clock, length=timedelta(hours=1))
        first, *queued = claim_block(leases, [QueuedDrop(sighting=sighting) for sighting in settled], set())
        register_block(setup, None, prepare_block(setup, [first]))  # a first block, so that everything is imported
        with cpu_timer(times, "prepared"):
            prepared = prepare_block(setup, queued)
        with cpu_timer(times, "registered"):
            register_block(setup, None, prepared)
        with services.ledger.begin() as conn:
            claimed = claim_outbox_entries(conn, owner="bench", now=now, length=timedelta(hours=1))
        entries = [entry for entry in claimed if entry.kind in ("report", "receipt")]
        write_entries(setup, entries[:1])
        with cpu_timer(times, "pages"):
            write_entries(setup, entries[1:])
    return times


def time_row_parts(path: Path) -> Times:
    """CPU seconds for the rows of a file: split into records, judged, sorted by number, findings written."""
    times: Times = {}
    terms, policy = NumberTerms(call_purpose="Survey", regions=Policy().regions), Policy()
    source = NumbersSource(name=path.name, bytes=path.stat().st_size, sha256="", open=partial(path.open, "rb"))
    with source.open() as file, cpu_timer(times, "split"):
        for _ in split_records(LineSplitter().split(decode_to_utf8(file, detect_encoding(source.open())))):
            pass
    options = {"policy": policy, "open_spill": tempfile.TemporaryFile, "workers": None, "progress": None}
    with cpu_timer(times, "judged"):
        first = run_first_pass([source], (), terms, **options)
    times["judged"] -= times["split"]
    counted = {"rows": first.rows, "candidates": first.candidates, "terms": terms}
    with cpu_timer(times, "sorted"):
        cross_row = check_across_rows(first.judged, **counted, open_spill=tempfile.TemporaryFile)
    with cpu_timer(times, "findings written"):
        run_second_pass(first, cross_row, terms, caps=FindingCaps(), open_spill=tempfile.TemporaryFile)
    return times
