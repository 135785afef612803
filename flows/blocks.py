"""The drops of a pass in blocks, spread over workers and registered in the order of sighting.

Two pieces of work a block, in `flows.working`: what needs no order, and, after the block before it, what does.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from math import ceil

from flows.archive import clear_attempts
from flows.claiming import Leases
from flows.ledger.marks import Mark
from flows.ledger.sightings import Sighting
from flows.pages import Written
from flows.pipeline import Pipeline
from flows.settling import reference_of, size_of
from flows.spreading import Crew, Work
from flows.taking import NoRoom, Took, Untaken, apart, check_room, take
from flows.working import Turn, enter_block, prepare_block, terms_of, write_block

#: Seconds that one process needs for a drop apart from its rows, for a page, and bytes of rows it judges in a second.
A_DROP, A_PAGE, BYTES = 0.04, 0.012, 8_000_000
#: Bytes from which a drop is divided among the workers.
LARGE = 64 << 20
#: Seconds of work in a block: well above what a task run costs on the server, well below what a retry may lose.
BLOCK = 0.7
#: Seconds of work in a part of the pages, which are written at the end: what the last one takes, all wait for.
PART = 1.0
#: Blocks under way for each worker: while one is entered, the next are prepared.
UNDER_WAY = 3


def seconds_for(sightings: Iterable[Sighting]) -> float:
    """What one process would need to take these drops."""
    return sum(A_DROP + size_of(sighting) / BYTES for sighting in sightings)


def take_spread(
    crew: Crew, pipeline: Pipeline, sightings: Sequence[Sighting], stop: Callable[[], bool]
) -> Iterator[Took | Untaken]:
    """Take settled drops, given in the order of sighting, as one process would; `stop` is asked between blocks."""
    terms = terms_of(pipeline)
    leases = Leases(pipeline.ledger, clock=pipeline.clock, length=pipeline.settings.lease)
    length = min(BLOCK, seconds_for(sightings) / (UNDER_WAY * crew.workers))
    no_room: list[Untaken] = []
    under_way: deque[tuple[list[Turn], Work]] = deque()
    before: Work | None = None
    with leases.kept_alive():
        for block in _blocks(_turns(pipeline, leases, sightings, no_room), length):
            if stop():
                break
            if _is_large(block[0].sighting):
                while under_way:
                    yield from _entered(pipeline, leases, *under_way.popleft())
                yield from _divided(crew, pipeline, block[0].sighting)
                continue
            prepared = crew.submit(prepare_block, terms, block, name="copy and judge drops")
            before = crew.submit(enter_block, terms, prepared, before, name="register drops")
            under_way.append((block, before))
            if len(under_way) >= UNDER_WAY * crew.workers:
                yield from _entered(pipeline, leases, *under_way.popleft())
        while under_way:
            yield from _entered(pipeline, leases, *under_way.popleft())
    yield from no_room


def _turns(pipeline: Pipeline, leases: Leases, sightings: Iterable[Sighting], no_room: list[Untaken]) -> Iterator[Turn]:
    """The drops that are ours to take, each claimed as it comes, but for those whose program another one is about."""
    programs: set[tuple[str, str]] = set()
    for sighting in sightings:
        reference = reference_of(sighting)
        if _is_large(sighting) or (reference and (sighting.business, reference) in programs):
            programs.add((sighting.business, reference or ""))
            yield Turn(sighting=sighting)
            continue
        try:
            check_room(pipeline, sighting)
        except NoRoom as e:
            no_room.append(Untaken(str(e)))
            continue
        if (lease := leases.claim(sighting)) is not None:
            programs.add((sighting.business, reference or ""))
            yield Turn(sighting=sighting, lease=lease)


def _blocks(turns: Iterable[Turn], length: float) -> Iterator[list[Turn]]:
    """The turns in blocks of about so many seconds of work."""
    block: list[Turn] = []
    seconds = 0.0
    for turn in turns:
        if block and _is_large(turn.sighting):
            yield block
            block, seconds = [], 0.0
        block.append(turn)
        seconds += seconds_for([turn.sighting])
        if seconds >= length or _is_large(turn.sighting):
            yield block
            block, seconds = [], 0.0
    if block:
        yield block


def _is_large(sighting: Sighting) -> bool:
    return size_of(sighting) >= LARGE


def _divided(crew: Crew, pipeline: Pipeline, sighting: Sighting) -> Iterator[Took | Untaken]:
    """Take a large drop here, in its turn; its files are judged range by range by all workers."""
    took = apart(sighting, partial(take, replace(pipeline, crew=crew), sighting))
    if took is not None:
        yield took


def _entered(pipeline: Pipeline, leases: Leases, block: list[Turn], entered: Work) -> Iterator[Took | Untaken]:
    results: list[Took | Untaken] = entered.result()
    yield from results
    taken = {(each.business, each.drop) for each in results if isinstance(each, Took)}
    over = [turn.lease for turn in block if turn.lease is not None]
    for lease in over:
        if (lease.business, lease.name) in taken:  # and with it the lease has ended
            leases.forget(lease)
        else:
            leases.give_back([lease])
    for business in sorted({lease.business for lease in over}):
        clear_attempts(pipeline.archive, business, [lease for lease in over if lease.business == business])


def write_spread(crew: Crew, pipeline: Pipeline, marks: Sequence[Mark]) -> Written:
    """Write marked files, each from the ledger and the archive alone; reports before the receipts that link to them."""
    done: list[Mark] = []
    failed: dict[Mark, str] = {}
    for kind in dict.fromkeys(mark.kind for mark in marks):
        written = _written(crew, pipeline, [mark for mark in marks if mark.kind == kind])
        done += written.done
        failed |= written.failed
    return Written(done=done, failed=failed)


def _written(crew: Crew, pipeline: Pipeline, marks: Sequence[Mark]) -> Written:
    """Write marked files of one kind, in parts of one size, as many for each worker."""
    terms = terms_of(pipeline)
    rounds = ceil(A_PAGE * len(marks) / (PART * crew.workers))
    size = ceil(len(marks) / (rounds * crew.workers))
    parts = [marks[start : start + size] for start in range(0, len(marks), size)]
    submitted = [crew.submit(write_block, terms, part, name="write receipts and pages") for part in parts]
    written = [work.result() for work in submitted]
    failed = {mark: why for part in written for mark, why in part.failed.items()}
    return Written(done=[mark for part in written for mark in part.done], failed=failed)
