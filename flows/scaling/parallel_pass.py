"""The drops of a pass in blocks, spread over workers and registered in the order of sighting.

Two kinds of work, in `flows.scaling.worker_tasks`: what needs no order, in parts of a block, and, after the block before it, what
does.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from math import ceil

from flows.archive.submissions import clear_attempts
from flows.arrival.completeness import program_of, size_of
from flows.arrival.leases import Leases
from flows.ledger.core.outbox import OutboxEntry
from flows.ledger.intake.drops import Sighting
from flows.publishing.outbox import Written, claimed, cross_off
from flows.registration.drop import NoRoom, Took, Untaken, apart, check_room, take
from flows.scaling.worker_tasks import Turn, enter_block, prepare_block, terms_of, write_block
from flows.scaling.workers import Work, Workers
from flows.services import Services
from schemas.rows.types import RowWorkers

#: Seconds that one process needs for a drop apart from its rows, for a page, and bytes of rows it judges in a second.
A_DROP, A_PAGE, BYTES = 0.04, 0.012, 8_000_000
#: Bytes from which a drop is divided among the workers.
LARGE = 64 << 20
#: Seconds of work in a block, and in how many parts it is prepared. One block is registered after the other, and each
#: waits for the part that its worker is at: so that this adds up to less than the work, parts are small, blocks larger.
#: But a part is well above what a task run costs on the server, and a block well below what a retry may lose.
BLOCK, PARTS = 1.5, 3
#: The kinds of pages that each drop has, and what writing some is called where work is shown.
SHOWING, PAGES = ("report", "receipt"), "write receipts and pages"
#: Seconds of work in a part of the pages: what the last one takes, all wait for.
PAGES_PART = 0.7
#: Blocks under way for each worker: while one is entered, the next are prepared. A pass that is asked to stop takes
#: these to their end.
UNDER_WAY = 2


def seconds_for(sightings: Iterable[Sighting]) -> float:
    """What one process would need to take these drops."""
    return sum(A_DROP + size_of(sighting) / BYTES for sighting in sightings)


def take_spread(
    crew: Workers, services: Services, sightings: Sequence[Sighting], stop: Callable[[], bool]
) -> Iterator[Took | Untaken]:
    """Take settled drops, given in the order of sighting, as one process would; `stop` is asked between blocks.

    Workers write the reports and receipts of what was taken while they take the rest.
    """
    with _shown(crew, services) as show:
        for each in _taken(crew, services, sightings, stop):
            yield each
            show()


def _taken(
    crew: Workers, services: Services, sightings: Sequence[Sighting], stop: Callable[[], bool]
) -> Iterator[Took | Untaken]:
    terms = terms_of(services)
    leases = Leases(services.ledger, clock=services.clock, length=services.settings.lease)
    length = min(BLOCK, seconds_for(sightings) / (UNDER_WAY * crew.workers))
    met: set[tuple[str, ...]] = set()
    no_room: list[Untaken] = []
    under_way: deque[tuple[list[Turn], Work]] = deque()
    before: Work | None = None
    with leases.kept_alive():
        for block in _blocks((Turn(sighting=sighting) for sighting in sightings), length):
            if stop():
                break
            if _is_large(block[0]):
                while under_way:
                    yield from _entered(services, leases, *under_way.popleft())
                yield from _divided(crew, services, block[0].sighting)
                continue
            turns = _claimed(leases, _with_room(services, block, no_room), met)
            full = len(under_way) >= UNDER_WAY * crew.workers
            results = list(_entered(services, leases, *under_way.popleft())) if full else []
            prepared = [
                crew.submit(prepare_block, terms, part, name="copy and judge drops")
                for part in _blocks(turns, length / PARTS)
            ]
            before = crew.submit(enter_block, terms, before, *prepared, name="register drops")
            under_way.append((turns, before))
            yield from results  # now that the workers have their next
        while under_way:
            yield from _entered(services, leases, *under_way.popleft())
    yield from no_room


def _blocks(turns: Iterable[Turn], length: float) -> Iterator[list[Turn]]:
    """The turns in blocks of about so many seconds of work; a large one has its own."""
    block: list[Turn] = []
    seconds = 0.0
    for turn in turns:
        if block and _is_large(turn):
            yield block
            block, seconds = [], 0.0
        block.append(turn)
        seconds += seconds_for([turn.sighting])
        if seconds >= length or _is_large(turn):
            yield block
            block, seconds = [], 0.0
    if block:
        yield block


def _with_room(services: Services, block: Iterable[Turn], no_room: list[Untaken]) -> Iterator[Turn]:
    """The turns whose drops there is room for."""
    for turn in block:
        try:
            check_room(services, turn.sighting)
        except NoRoom as e:
            no_room.append(Untaken(str(e)))
        else:
            yield turn


def _claimed(leases: Leases, block: Iterable[Turn], met: set[tuple[str, ...]]) -> list[Turn]:
    """The turns that are ours, each with a lease, but where one before it that is ours is about the same program.

    `met` are the programs that ours are about.
    """
    ours: dict[int, Turn] = {}
    with leases.claiming() as claim:
        for place, turn in sorted(enumerate(block), key=lambda each: program_of(each[1].sighting)):
            program = program_of(turn.sighting)
            lease = None if program in met else claim(turn.sighting)
            if lease or program in met:
                ours[place] = replace(turn, lease=lease)
                met.add(program)
    return [ours[place] for place in sorted(ours)]


def _is_large(turn: Turn) -> bool:
    return size_of(turn.sighting) >= LARGE


def _divided(crew: Workers, services: Services, sighting: Sighting) -> Iterator[Took | Untaken]:
    """Take a large drop here, in its turn; its files are judged range by range by all workers."""
    workers = RowWorkers(executor=crew.executor(), count=crew.workers, opens_files=True)
    took = apart(sighting, partial(take, replace(services, row_workers=workers), sighting))
    if took is not None:
        yield took


def _entered(services: Services, leases: Leases, block: list[Turn], entered: Work) -> Iterator[Took | Untaken]:
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
        clear_attempts(services.archive, business, [lease for lease in over if lease.business == business])


@contextmanager
def _shown(crew: Workers, services: Services) -> Iterator[Callable[[], None]]:
    """Have reports and receipts written by workers; gives what is to be called after each drop that was taken.

    What could not be written is marked as before, and tried again with the pages that are written at a pass's end.
    """
    terms = terms_of(services)
    submitted: list[Work] = []
    seconds = 0.0

    def show() -> None:
        nonlocal seconds
        seconds += len(SHOWING) * A_PAGE
        if seconds >= PAGES_PART:
            marks = claimed(services, at_the_end, kinds=SHOWING)
            submitted.append(crew.submit(write_block, terms, marks, name=PAGES))
            seconds = 0.0

    with ExitStack() as at_the_end:
        yield show
        for work in submitted:
            cross_off(services, work.result().done)


def write_spread(crew: Workers, services: Services, marks: Sequence[OutboxEntry]) -> Written:
    """Write marked files, each from the ledger and the archive alone; reports before the receipts that link to them."""
    done: list[OutboxEntry] = []
    failed: dict[OutboxEntry, str] = {}
    for kind in dict.fromkeys(mark.kind for mark in marks):
        written = _written(crew, services, [mark for mark in marks if mark.kind == kind])
        done += written.done
        failed |= written.failed
    return Written(done=done, failed=failed)


def _written(crew: Workers, services: Services, marks: Sequence[OutboxEntry]) -> Written:
    """Write marked files of one kind, in parts of one size, as many for each worker."""
    terms = terms_of(services)
    rounds = ceil(A_PAGE * len(marks) / (PAGES_PART * crew.workers))
    size = ceil(len(marks) / (rounds * crew.workers))
    parts = [marks[start : start + size] for start in range(0, len(marks), size)]
    submitted = [crew.submit(write_block, terms, part, name=PAGES) for part in parts]
    written = [work.result() for work in submitted]
    failed = {mark: why for part in written for mark, why in part.failed.items()}
    return Written(done=[mark for part in written for mark in part.done], failed=failed)
