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
from schemas.rows.byte_ranges import (
    ByteRange,
    can_split_into_ranges,
    judge_block,
    judge_blocks,
    judge_range,
    split_into_ranges,
)
from schemas.rows.judging.file_checks import check_before_reading, check_encoding, check_row_counts, check_separator
from schemas.rows.judging.row_schema import JudgedBlock
from schemas.rows.reading.csv_records import RecordBlock, split_records
from schemas.rows.reading.encoding import DetectedEncoding, decode_to_utf8, detect_encoding
from schemas.rows.reading.long_lines import LineSplitter
from schemas.rows.reading.typed_numbers import typed_block
from schemas.rows.spill import OpenSpillFile, SpillFile
from schemas.rows.types import NumbersSource, NumberTerms, Progress, RowWorkers

#: Bytes from which other processes are worth their start, and bytes of a range that one opens: half a second's work.
MIN_BYTES_FOR_WORKERS, RANGE_BYTES = 8 << 20, 16 << 20

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
    frame: Callable[[LineSplitter], Iterator[RecordBlock]] = lambda _lines: iter(())


def _array(piece: bytes, dtype: Any) -> NDArray[Any]:
    return np.frombuffer(piece, dtype=dtype)


class SpilledBlocks:
    """Judged blocks put aside."""

    _TYPES = (np.int64, np.uint8, np.bool_, np.bool_, np.int64, np.uint8)

    def __init__(self, spool: OpenSpillFile) -> None:
        self._shelf = SpillFile(spool)

    def put(self, judged: JudgedBlock) -> None:
        """Add a block."""
        self._shelf.put_arrays(judged.number, judged.purpose, judged.stands, judged.blank, judged.row, judged.code)

    def __iter__(self) -> Iterator[JudgedBlock]:
        pieces = iter(self._shelf)
        for first in pieces:
            rest = (first, *(next(pieces) for _ in self._TYPES[1:]))
            number, purpose, stands, blank, row, code = (
                _array(piece, dtype) for piece, dtype in zip(rest, self._TYPES, strict=True)
            )
            yield JudgedBlock(number=number, purpose=purpose, stands=stands, blank=blank, row=row, code=code)

    def close(self) -> None:
        """Let the file go."""
        self._shelf.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPassResult:
    """What the first pass leaves: the files in order, and their judged blocks, one after the other."""

    files: list[ReadFile]
    judged: SpilledBlocks

    @property
    def rows(self) -> int:
        """Records of all files."""
        return sum(file.rows for file in self.files)

    @property
    def candidates(self) -> int:
        """Rows with a valid number."""
        return sum(file.candidates for file in self.files)


def run_first_pass(
    sources: Sequence[NumbersSource],
    typed: Sequence[TypedNumber],
    terms: NumberTerms,
    *,
    policy: Policy,
    spool: OpenSpillFile,
    workers: RowWorkers | None,
    progress: Progress | None,
) -> FirstPassResult:
    """Read every file once and judge its rows, in other processes where there are `workers` and enough to do."""
    result = FirstPassResult(files=[], judged=SpilledBlocks(spool))
    total = sum(source.bytes for source in sources)
    done = 0

    def seen(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None and count:
            progress(done, total)

    judging = _BlockJudge(workers if total >= MIN_BYTES_FOR_WORKERS else None, terms)
    judging.warm_up()
    for source in sources:
        result.files.append(_read_source(source, policy, result.judged, judging, seen))
    if typed:
        file = ReadFile(name=TYPED_IN, frame=lambda _lines: iter([typed_block(typed)]))
        _put_judged(file, judging.here(file.frame(LineSplitter())), result.judged)
        result.files.append(file)
    return result


def _read_source(
    source: NumbersSource,
    policy: Policy,
    shelf: SpilledBlocks,
    judging: "_BlockJudge",
    seen: Callable[[int], object],
) -> ReadFile:
    file = ReadFile(name=source.name, sha256=source.sha256, bytes=source.bytes)
    if not check_before_reading(source, policy, file.findings):
        return file
    with source.open() as stream:
        reading = detect_encoding(stream)
    if not check_encoding(source, reading, file.findings):
        return file
    file.frame = lambda lines: _blocks(source.open, reading, lines)
    lines = LineSplitter()
    blocks = _looked_at(file, _blocks(source.open, reading, lines, seen))
    parts = (
        split_into_ranges(blocks, reading, lines, size=RANGE_BYTES)
        if judging.sends_ranges and can_split_into_ranges(reading)
        else blocks
    )
    _put_judged(file, judging.in_order(parts, source.open, reading), shelf)
    check_row_counts(source, file.rows, file.ignored, file.findings)
    return file


def _blocks(
    open_file: Callable[[], BinaryIO],
    reading: DetectedEncoding,
    lines: LineSplitter,
    seen: Callable[[int], object] | None = None,
) -> Iterator[RecordBlock]:
    with open_file() as stream:
        yield from split_records(lines.of(decode_to_utf8(stream, reading, seen=seen)))


def _put_judged(file: ReadFile, blocks: Iterable[JudgedBlock], shelf: SpilledBlocks) -> None:
    for judged in blocks:
        shelf.put(judged)
        file.blocks += 1
        file.rows += len(judged.number)
        file.ignored += int(np.count_nonzero(judged.blank))
        file.candidates += int(np.count_nonzero(judged.number >= 0))


def _looked_at(file: ReadFile, blocks: Iterable[RecordBlock]) -> Iterator[RecordBlock]:
    for block in blocks:
        if block.header is not None:
            check_separator(file.name, block, file.findings)
        yield block


@dataclass(frozen=True, slots=True)
class _BlockJudge:
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

    def here(self, blocks: Iterable[RecordBlock]) -> Iterator[JudgedBlock]:
        for block in blocks:
            yield judge_block(block, self.terms.regions, self.terms.toll_free)

    def in_order(
        self, parts: Iterable[RecordBlock | ByteRange], open_file: Callable[[], BinaryIO], reading: DetectedEncoding
    ) -> Iterator[JudgedBlock]:
        if self.workers is None:
            yield from self.here(part for part in parts if isinstance(part, RecordBlock))
            return
        waiting: deque[Future[list[JudgedBlock]]] = deque()
        for part in parts:
            waiting.append(self._submit(self.workers.executor, part, open_file, reading))
            if len(waiting) > 2 * self.workers.count:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()

    def _submit(
        self,
        executor: Executor,
        part: RecordBlock | ByteRange,
        open_file: Callable[[], BinaryIO],
        reading: DetectedEncoding,
    ) -> "Future[list[JudgedBlock]]":
        how = self.terms.regions, self.terms.toll_free
        if isinstance(part, ByteRange):
            return executor.submit(judge_range, open_file, reading, part, *how)
        return executor.submit(judge_blocks, [_light(part)], *how)


def _light(block: RecordBlock) -> RecordBlock:
    """The block without what judging does not need, for the way to another process."""
    return replace(block, starts=_NOTHING, lines=_NOTHING, faults=_NOTHING.astype(np.uint8))
