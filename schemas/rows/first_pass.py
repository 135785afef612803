"""The first pass over a submission's numbers: every file read, every row judged by itself, what was found put aside."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from schemas.model.findings import TYPED_IN, Finding
from schemas.model.manifest import TypedNumber
from schemas.model.policy import Policy
from schemas.rows.byte_ranges import Range, can_be_cut, cut, judge_block, judge_blocks, judge_range
from schemas.rows.judging.file_checks import check_before, check_read, check_whole, other_separator
from schemas.rows.judging.row_schema import Judged
from schemas.rows.reading.csv_records import Block, frame
from schemas.rows.reading.encoding import Encoded, survey, text
from schemas.rows.reading.long_lines import WholeLines
from schemas.rows.reading.typed_numbers import typed_block
from schemas.rows.spill import Shelf, Spool
from schemas.rows.types import NumberTerms, Progress, RowWorkers, Source

#: Bytes from which other processes are worth their start, and bytes of a range that one opens: half a second's work.
WORTH_A_POOL, RANGE = 8 << 20, 16 << 20

_NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(slots=True, kw_only=True)
class ReadFile:
    """One file, or the typed-in numbers, after the first pass. `blocks` and `rows` count what is in the shelf of it."""

    name: str
    sha256: str | None = None
    bytes: int = 0
    blocks: int = 0
    rows: int = 0
    ignored: int = 0
    candidates: int = 0
    findings: list[Finding] = field(default_factory=list)
    frame: Callable[[WholeLines], Iterator[Block]] = lambda _lines: iter(())


def _array(piece: bytes, dtype: Any) -> NDArray[Any]:
    return np.frombuffer(piece, dtype=dtype)


class JudgedShelf:
    """Judged blocks put aside."""

    _TYPES = (np.int64, np.uint8, np.bool_, np.bool_, np.int64, np.uint8)

    def __init__(self, spool: Spool) -> None:
        self._shelf = Shelf(spool)

    def put(self, judged: Judged) -> None:
        """Add a block."""
        self._shelf.put_arrays(judged.number, judged.purpose, judged.stands, judged.blank, judged.row, judged.code)

    def __iter__(self) -> Iterator[Judged]:
        pieces = iter(self._shelf)
        for first in pieces:
            rest = (first, *(next(pieces) for _ in self._TYPES[1:]))
            number, purpose, stands, blank, row, code = (
                _array(piece, dtype) for piece, dtype in zip(rest, self._TYPES, strict=True)
            )
            yield Judged(number=number, purpose=purpose, stands=stands, blank=blank, row=row, code=code)

    def close(self) -> None:
        """Let the file go."""
        self._shelf.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPass:
    """What the first pass leaves: the files in order, and their judged blocks, one after the other."""

    files: list[ReadFile]
    judged: JudgedShelf

    @property
    def rows(self) -> int:
        """Records of all files."""
        return sum(file.rows for file in self.files)

    @property
    def candidates(self) -> int:
        """Rows with a valid number."""
        return sum(file.candidates for file in self.files)


def read_all(
    sources: Sequence[Source],
    typed: Sequence[TypedNumber],
    terms: NumberTerms,
    *,
    policy: Policy,
    spool: Spool,
    workers: RowWorkers | None,
    progress: Progress | None,
) -> FirstPass:
    """Read every file once and judge its rows, in other processes where there are `workers` and enough to do."""
    result = FirstPass(files=[], judged=JudgedShelf(spool))
    total = sum(source.bytes for source in sources)
    done = 0

    def seen(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None and count:
            progress(done, total)

    judging = _Judging(workers if total >= WORTH_A_POOL else None, terms)
    judging.warm_up()
    for source in sources:
        result.files.append(_read_source(source, policy, result.judged, judging, seen))
    if typed:
        file = ReadFile(name=TYPED_IN, frame=lambda _lines: iter([typed_block(typed)]))
        _put_judged(file, judging.here(file.frame(WholeLines())), result.judged)
        result.files.append(file)
    return result


def _read_source(
    source: Source,
    policy: Policy,
    shelf: JudgedShelf,
    judging: "_Judging",
    seen: Callable[[int], object],
) -> ReadFile:
    file = ReadFile(name=source.name, sha256=source.sha256, bytes=source.bytes)
    if not check_before(source, policy, file.findings):
        return file
    with source.open() as stream:
        reading = survey(stream)
    if not check_read(source, reading, file.findings):
        return file
    file.frame = lambda lines: _blocks(source.open, reading, lines)
    lines = WholeLines()
    blocks = _looked_at(file, _blocks(source.open, reading, lines, seen))
    parts = cut(blocks, reading, lines, size=RANGE) if judging.sends_ranges and can_be_cut(reading) else blocks
    _put_judged(file, judging.in_order(parts, source.open, reading), shelf)
    check_whole(source, file.rows, file.ignored, file.findings)
    return file


def _blocks(
    open_file: Callable[[], BinaryIO],
    reading: Encoded,
    lines: WholeLines,
    seen: Callable[[int], object] | None = None,
) -> Iterator[Block]:
    with open_file() as stream:
        yield from frame(lines.of(text(stream, reading, seen=seen)))


def _put_judged(file: ReadFile, blocks: Iterable[Judged], shelf: JudgedShelf) -> None:
    for judged in blocks:
        shelf.put(judged)
        file.blocks += 1
        file.rows += len(judged.number)
        file.ignored += int(np.count_nonzero(judged.blank))
        file.candidates += int(np.count_nonzero(judged.number >= 0))


def _looked_at(file: ReadFile, blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        if block.header is not None:
            other_separator(file.name, block, file.findings)
        yield block


@dataclass(frozen=True, slots=True)
class _Judging:
    """Judges blocks here, or in other processes; the results are the same and come in the same order."""

    workers: RowWorkers | None
    terms: NumberTerms

    @property
    def sends_ranges(self) -> bool:
        return self.workers is not None and self.workers.opens_files

    def warm_up(self) -> None:
        """Judge one row here: processes forked after that have the schema, the plan and Pandera's backends at hand."""
        if self.workers is not None:
            deque(self.here([typed_block([TypedNumber(number="", call_purpose="")])]), maxlen=0)

    def here(self, blocks: Iterable[Block]) -> Iterator[Judged]:
        for block in blocks:
            yield judge_block(block, self.terms.regions, self.terms.toll_free)

    def in_order(
        self, parts: Iterable[Block | Range], open_file: Callable[[], BinaryIO], reading: Encoded
    ) -> Iterator[Judged]:
        if self.workers is None:
            yield from self.here(part for part in parts if isinstance(part, Block))
            return
        waiting: deque[Future[list[Judged]]] = deque()
        for part in parts:
            waiting.append(self._submit(self.workers.executor, part, open_file, reading))
            if len(waiting) > 2 * self.workers.count:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()

    def _submit(
        self, executor: Executor, part: Block | Range, open_file: Callable[[], BinaryIO], reading: Encoded
    ) -> "Future[list[Judged]]":
        how = self.terms.regions, self.terms.toll_free
        if isinstance(part, Range):
            return executor.submit(judge_range, open_file, reading, part, *how)
        return executor.submit(judge_blocks, [_light(part)], *how)


def _light(block: Block) -> Block:
    """The block without what judging does not need, for the way to another process."""
    return replace(block, starts=_NOTHING, lines=_NOTHING, faults=_NOTHING.astype(np.uint8))
