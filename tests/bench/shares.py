"""Of what a spread pass consists: the processor's time of each part, for the limits of spreading it."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

from flows import pipeline
from flows.arrival.completeness import Settled
from flows.arrival.leases import Leases
from flows.arrival.scan import look
from flows.ledger.core.outbox import claim_outbox_entries
from flows.scaling.parallel_pass import _claimed
from flows.scaling.worker_tasks import Turn, enter_block, prepare_block, terms_of, write_block
from schemas.model.policy import Caps, Policy
from schemas.rows.first_pass import run_first_pass
from schemas.rows.judging.cross_row_checks import check_across_rows
from schemas.rows.reading.csv_records import split_records
from schemas.rows.reading.encoding import decode_to_utf8, detect_encoding
from schemas.rows.reading.long_lines import LineSplitter
from schemas.rows.second_pass import run_second_pass
from schemas.rows.types import NumbersSource, NumberTerms
from tests.bench.homes import folder, lay
from tests.bench.ledgers import opened

Times = dict[str, float]


@contextmanager
def clocked(times: Times, name: str) -> Iterator[None]:
    """Seconds of this process on the processor: other work on the machine does not count."""
    begun = time.process_time()
    yield
    times[name] = time.process_time() - begun


def of_drops(home: Path, count: int, rows: int) -> Times:
    """Seconds for so many drops: prepared, entered in order, pages written."""
    inbox = folder(home)
    for number in range(count + 1):
        lay(inbox, f"drop-{number}", rows=rows, owner=number)
    times: Times = {}
    with opened(home) as services:
        terms = terms_of(services)
        seen = pipeline.inbox_of(services)
        now = services.clock()
        list(look(seen, now=now))
        settled = [o.sighting for o in look(seen, now=now + timedelta(seconds=1)) if isinstance(o, Settled)]
        leases = Leases(services.ledger, clock=services.clock, length=timedelta(hours=1))
        first, *turns = _claimed(leases, [Turn(sighting=sighting) for sighting in settled], set())
        enter_block(terms, None, prepare_block(terms, [first]))  # whatever is loaded but once
        with clocked(times, "prepared"):
            prepared = prepare_block(terms, turns)
        with clocked(times, "entered"):
            enter_block(terms, None, prepared)
        with services.ledger.begin() as conn:
            claimed = claim_outbox_entries(conn, owner="bench", now=now, length=timedelta(hours=1))
        found = [mark for mark in claimed if mark.kind in ("report", "receipt")]
        write_block(terms, found[:1])
        with clocked(times, "pages"):
            write_block(terms, found[1:])
    return times


def of_rows(path: Path) -> Times:
    """Seconds for the rows of a file: framed, judged, sorted by number, told."""
    times: Times = {}
    terms, policy = NumberTerms(call_purpose="Survey", regions=Policy().regions), Policy()
    source = NumbersSource(name=path.name, bytes=path.stat().st_size, sha256="", open=partial(path.open, "rb"))
    with source.open() as file, clocked(times, "framed"):
        for _ in split_records(LineSplitter().of(decode_to_utf8(file, detect_encoding(source.open())))):
            pass
    options = {"policy": policy, "spool": tempfile.TemporaryFile, "workers": None, "progress": None}
    with clocked(times, "judged"):
        first = run_first_pass([source], (), terms, **options)
    times["judged"] -= times["framed"]
    counted = {"rows": first.rows, "candidates": first.candidates, "claims": None, "do_not_originate": None}
    with clocked(times, "sorted"):
        late = check_across_rows(first.judged, **counted, spool=tempfile.TemporaryFile)
    with clocked(times, "told"):
        run_second_pass(first, late, terms, caps=Caps(), spool=tempfile.TemporaryFile)
    return times
