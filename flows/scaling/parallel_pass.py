"""Takes the drops of a large pass on workers, in blocks that are registered in the order of first sighting.

Workers do two kinds of work on drops, both in `flows.scaling.worker_tasks`: they prepare the parts of a block in any
order, and register the block once the block before it is registered.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import ceil

from flows.archive.submissions import delete_abandoned_copies
from flows.arrival.completeness import bytes_to_take, program_key
from flows.arrival.leases import DropLeases
from flows.arrival.manifests import find_scanned_manifest
from flows.errors import Failure
from flows.ledger.core.outbox import WRITE_ORDER, OutboxEntry
from flows.ledger.intake.drops import Sighting
from flows.publishing.outbox import WriteResult, claim_files, clear_written
from flows.registration.drop import DropResult, catch_drop_failure, check_archive_space, take_drop
from flows.scaling.worker_tasks import QueuedDrop, make_worker_setup, prepare_block, register_block, write_entries
from flows.scaling.workers import SubmittedWork, Workers
from flows.services import Services
from schemas.rows.types import RowWorkers

#: What one process needs: seconds for a drop without its rows, and for a page; and bytes of rows it judges per second.
SECONDS_PER_DROP, SECONDS_PER_PAGE, ROW_BYTES_PER_SECOND = 0.04, 0.012, 8_000_000
#: A drop of this size is divided among the workers.
LARGE_DROP_BYTES = 64 << 20
#: Seconds of work in a block, and the number of parts in which it is prepared. Registering a block waits for the blocks
#: before it and for its own parts. Small parts and larger blocks keep that wait shorter than the work. But a part must
#: take well over what a task run costs on the Prefect server, and a block must not be more than a retry may repeat.
BLOCK_SECONDS, PARTS_PER_BLOCK = 1.5, 3
#: The kinds of outbox entries that each drop has.
PER_DROP_KINDS = ("report", "receipt")
#: What writing entries is called on the Prefect server.
WRITE_TASK_NAME = "write receipts and pages"
#: Seconds of work in a part of the pages. The pass waits for the last part.
WRITE_PART_SECONDS = 0.7
#: Seconds after which the reports and receipts of taken drops are written, even if they are fewer than that.
PAGES_INTERVAL = 2.0
#: Blocks in progress per worker: while one is registered, the next ones are prepared. A pass that is asked to stop
#: finishes them first.
BLOCKS_PER_WORKER = 2


def estimate_seconds(sightings: Iterable[Sighting]) -> float:
    """How long one process would need to take these drops."""
    return sum(SECONDS_PER_DROP + bytes_to_take(sighting) / ROW_BYTES_PER_SECOND for sighting in sightings)


def take_in_parallel(
    workers: Workers, services: Services, sightings: Iterable[Sighting], seconds: float, stop: Callable[[], bool]
) -> Iterator[DropResult | Failure]:
    """Take settled drops in the order in which they are given, with the same outcome as in one process.

    One process would need about this many `seconds`. The drops may come from a generator, which is asked for the next
    block when there is room for it.

    Checks `stop` between blocks. Workers also write the reports and receipts of drops while the next ones are taken.
    """
    with _write_pages_alongside(workers, services) as on_result:
        for result in _ParallelIntake(workers, services).take(sightings, seconds, stop):
            yield result
            on_result()


@dataclass(frozen=True, slots=True)
class _BlockInProgress:
    drops: Sequence[QueuedDrop]
    registered: SubmittedWork


class _ParallelIntake:
    """Prepares several blocks of drops at a time, and registers one after the other."""

    def __init__(self, workers: Workers, services: Services) -> None:
        self.workers, self.services = workers, services
        self.setup = make_worker_setup(services)
        self.leases = DropLeases(services.ledger, clock=services.clock, length=services.settings.lease)
        self.in_progress: deque[_BlockInProgress] = deque()
        self.last_registered: SubmittedWork | None = None
        self.claimed_programs: set[tuple[str, ...]] = set()
        self.without_space: list[Failure] = []

    @property
    def max_in_progress(self) -> int:
        """It changes if a cluster gets more workers, or loses some."""
        return BLOCKS_PER_WORKER * self.workers.count

    def take(
        self, sightings: Iterable[Sighting], seconds: float, stop: Callable[[], bool]
    ) -> Iterator[DropResult | Failure]:
        block_seconds = min(BLOCK_SECONDS, seconds / self.max_in_progress)
        with self.leases.kept_alive():
            for block in _split(map(self._queue, sightings), block_seconds):
                if stop():
                    break
                if _is_large(block[0]):
                    yield from self._finish_all()
                    yield from self._take_large(block[0].sighting)
                    continue
                drops = claim_block(self.leases, self._with_space(block), self.claimed_programs)
                is_full = len(self.in_progress) >= self.max_in_progress
                results = list(self._finish_oldest()) if is_full else []
                self._submit(drops, block_seconds / PARTS_PER_BLOCK)
                yield from results  # not before the workers have their next block
            yield from self._finish_all()
        yield from self.without_space

    def _queue(self, sighting: Sighting) -> QueuedDrop:
        return QueuedDrop(sighting=sighting, manifest=find_scanned_manifest(self.services.inbox, sighting))

    def _with_space(self, block: Iterable[QueuedDrop]) -> Iterator[QueuedDrop]:
        """The drops of a block that the archive has space for."""
        for drop in block:
            failure = catch_drop_failure(drop.sighting, partial(check_archive_space, self.services, drop.sighting))
            if failure is None:
                yield drop
            else:
                self.without_space.append(failure)

    def _submit(self, drops: Sequence[QueuedDrop], part_seconds: float) -> None:
        prepared = [
            self.workers.submit(prepare_block, self.setup, part, name="copy and judge drops")
            for part in _split(drops, part_seconds)
        ]
        register = partial(self.workers.submit, register_block, self.setup, name="register drops")
        if self.last_registered is None:
            self.last_registered = register(None, after=prepared)
        else:
            self.last_registered = register(after=[self.last_registered, *prepared])
        self.in_progress.append(_BlockInProgress(drops, self.last_registered))

    def _finish_all(self) -> Iterator[DropResult | Failure]:
        while self.in_progress:
            yield from self._finish_oldest()

    def _finish_oldest(self) -> Iterator[DropResult | Failure]:
        """Wait for the oldest block and return its results. Release its leases and clear what failed attempts left."""
        block = self.in_progress.popleft()
        results: list[DropResult | Failure] = block.registered.result()
        yield from results
        taken = {(each.business, each.drop) for each in results if isinstance(each, DropResult)}
        leases = [drop.lease for drop in block.drops if drop.lease is not None]
        for lease in leases:
            if (lease.business, lease.name) in taken:  # taking the drop ended its lease
                self.leases.forget(lease)
            else:
                self.leases.release([lease])
        for business in sorted({lease.business for lease in leases}):
            delete_abandoned_copies(
                self.services.archive, business, [each for each in leases if each.business == business]
            )

    def _take_large(self, sighting: Sighting) -> Iterator[DropResult | Failure]:
        """Take a large drop in this process, in its turn. All workers judge ranges of its files."""
        row_workers = RowWorkers(executor=self.workers.executor(), count=self.workers.count, opens_files=True)
        services = replace(self.services, row_workers=row_workers)
        result = catch_drop_failure(sighting, partial(take_drop, services, sighting))
        if result is not None:
            yield result


def _split(drops: Iterable[QueuedDrop], seconds: float) -> Iterator[list[QueuedDrop]]:
    """Split drops into blocks of about this many seconds of work. A large drop is a block of its own."""
    block: list[QueuedDrop] = []
    total = 0.0
    for drop in drops:
        if block and _is_large(drop):
            yield block
            block, total = [], 0.0
        block.append(drop)
        total += estimate_seconds([drop.sighting])
        if total >= seconds or _is_large(drop):
            yield block
            block, total = [], 0.0
    if block:
        yield block


def _is_large(drop: QueuedDrop) -> bool:
    return bytes_to_take(drop.sighting) >= LARGE_DROP_BYTES


def claim_block(
    leases: DropLeases, block: Iterable[QueuedDrop], claimed_programs: set[tuple[str, ...]]
) -> list[QueuedDrop]:
    """Claim the drops of a block. Returns those that this process takes, in the order of the block.

    A drop gets no lease if this process has already claimed an earlier one of the same program. `claimed_programs` has
    these programs, and this block's are added to it.
    """
    claimed: dict[int, QueuedDrop] = {}
    with leases.claiming() as claim:
        for position, drop in sorted(enumerate(block), key=lambda each: program_key(each[1].sighting)):
            program = program_key(drop.sighting)
            lease = None if program in claimed_programs else claim(drop.sighting)
            if lease or program in claimed_programs:
                claimed[position] = replace(drop, lease=lease)
                claimed_programs.add(program)
    return [claimed[position] for position in sorted(claimed)]


@contextmanager
def _write_pages_alongside(workers: Workers, services: Services) -> Iterator[Callable[[], None]]:
    """Have workers write reports and receipts while drops are taken. Yields a function to call after each result.

    Entries that could not be written stay in the outbox, and are tried again at the end of the pass.
    """
    setup = make_worker_setup(services)
    submitted: deque[SubmittedWork] = deque()
    seconds, last = 0.0, time.monotonic()

    def on_result() -> None:
        nonlocal seconds, last
        seconds += len(PER_DROP_KINDS) * SECONDS_PER_PAGE
        if seconds >= WRITE_PART_SECONDS or time.monotonic() - last >= PAGES_INTERVAL:
            entries = claim_files(services, at_the_end, kinds=PER_DROP_KINDS)
            submitted.append(workers.submit(write_entries, setup, entries, name=WRITE_TASK_NAME))
            seconds, last = 0.0, time.monotonic()
            if len(submitted) > BLOCKS_PER_WORKER * workers.count:  # claims last for some minutes only
                clear_written(services, submitted.popleft().result().done)

    with ExitStack() as at_the_end:
        yield on_result
        for work in submitted:
            clear_written(services, work.result().done)


def write_in_parallel(workers: Workers, services: Services, entries: Sequence[OutboxEntry]) -> WriteResult:
    """Write the files of outbox entries: all reports first, then the receipts, which link to them."""
    done: list[OutboxEntry] = []
    failed: dict[OutboxEntry, str] = {}
    for kind in sorted({entry.kind for entry in entries}, key=WRITE_ORDER.__getitem__):
        written = _write_kind(workers, services, [entry for entry in entries if entry.kind == kind])
        done += written.done
        failed |= written.failed
    return WriteResult(done=done, failed=failed)


def _write_kind(workers: Workers, services: Services, entries: Sequence[OutboxEntry]) -> WriteResult:
    """Write entries of one kind, in parts of the same size, and as many parts for each worker."""
    setup = make_worker_setup(services)
    rounds = ceil(SECONDS_PER_PAGE * len(entries) / (WRITE_PART_SECONDS * workers.count))
    size = ceil(len(entries) / (rounds * workers.count))
    parts = [entries[start : start + size] for start in range(0, len(entries), size)]
    submitted = [workers.submit(write_entries, setup, part, name=WRITE_TASK_NAME) for part in parts]
    written = [work.result() for work in submitted]
    failed = {entry: reason for part in written for entry, reason in part.failed.items()}
    return WriteResult(done=[entry for part in written for entry in part.done], failed=failed)
