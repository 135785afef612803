"""The first pass over a submission's numbers: reads every file, judges every row by itself, spills the results."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from schemas.model.callbacks import OpenSpillFile, Progress
from schemas.model.findings import TYPED_NUMBERS_FILE, Finding
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
from schemas.rows.judging.file_checks import (
    check_before_reading,
    check_encoding,
    check_row_counts,
    check_separator,
)
from schemas.rows.judging.row_schema import JudgedBlock
from schemas.rows.reading.csv_records import RecordBlock, split_records, typed_numbers_block
from schemas.rows.reading.encoding import DetectedEncoding, decode_to_utf8, detect_encoding
from schemas.rows.reading.long_lines import LineSplitter
from schemas.rows.spill import SpillFile
from schemas.rows.types import NumbersSource, NumberTerms, RowTerms, RowWorkers

#: From this many bytes on, worker processes are worth starting.
MIN_BYTES_FOR_WORKERS = 8 << 20
#: A block with more bytes has very long rows. Sending several such blocks to other processes would take much memory.
MAX_BYTES_SENT = 4 << 20
#: Bytes of a range that one worker reads: half a second's work.
RANGE_BYTES = 16 << 20

_EMPTY = np.zeros(0, dtype=np.int64)


@dataclass(slots=True, kw_only=True)
class ReadFile:
    """One file, or the typed-in numbers, after the first pass.

    `blocks` and `rows` count what was spilled for this file. `ignored` counts blank rows, `candidates` rows with a
    valid number. `split` reads the file again and yields its blocks.
    """

    name: str
    sha256: str | None = None
    bytes: int = 0
    blocks: int = 0
    rows: int = 0
    ignored: int = 0
    candidates: int = 0
    findings: list[Finding] = field(default_factory=list)
    split: Callable[[LineSplitter], Iterator[RecordBlock]] = lambda _lines: iter(())


#: The arrays of a `JudgedBlock`, in the order in which they are spilled.
_BLOCK_TYPES = {
    "number": np.int64,
    "purpose": np.uint8,
    "passed": np.bool_,
    "blank": np.bool_,
    "confirmed": np.bool_,
    "row": np.int64,
    "code": np.uint8,
}


def _array(piece: bytes, dtype: Any) -> NDArray[Any]:
    return np.frombuffer(piece, dtype=dtype)


class SpilledBlocks:
    """Judged blocks in a spill file."""

    def __init__(self, open_spill: OpenSpillFile) -> None:
        self._file = SpillFile(open_spill)

    def put(self, judged: JudgedBlock) -> None:
        """Add a block."""
        self._file.put_arrays(*(getattr(judged, name) for name in _BLOCK_TYPES))

    def __iter__(self) -> Iterator[JudgedBlock]:
        pieces = iter(self._file)
        for first in pieces:
            block = chain([first], islice(pieces, len(_BLOCK_TYPES) - 1))
            columns = zip(_BLOCK_TYPES.items(), block, strict=True)
            yield JudgedBlock(**{name: _array(piece, dtype) for (name, dtype), piece in columns})

    def close(self) -> None:
        """Close the file. Its blocks are gone."""
        self._file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPassResult:
    """The files in order, and their judged blocks in the same order."""

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
    open_spill: OpenSpillFile,
    workers: RowWorkers | None,
    progress: Progress | None,
) -> FirstPassResult:
    """Read every file once and judge its rows. Uses the `workers`, if any, when there is enough to do."""
    result = FirstPassResult(files=[], judged=SpilledBlocks(open_spill))
    total = sum(source.bytes for source in sources)
    done = 0

    def on_read(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None and count:
            progress(done, total)

    judge = _BlockJudge(workers if total >= MIN_BYTES_FOR_WORKERS else None, terms.of_rows())
    judge.warm_up()
    for source in sources:
        result.files.append(_read_source(source, policy, result.judged, judge, on_read))
    if typed:
        file = ReadFile(name=TYPED_NUMBERS_FILE, split=lambda _lines: iter([typed_numbers_block(typed)]))
        judged = judge.judge_here(file.split(LineSplitter()))
        _spill(file, (replace(each, confirmed=np.ones_like(each.confirmed)) for each in judged), result.judged)
        result.files.append(file)
    return result


def _read_source(
    source: NumbersSource,
    policy: Policy,
    spilled: SpilledBlocks,
    judge: "_BlockJudge",
    on_read: Callable[[int], object],
) -> ReadFile:
    file = ReadFile(name=source.name, sha256=source.sha256, bytes=source.bytes)
    if not check_before_reading(source, policy, file.findings):
        return file
    with source.open() as stream:
        detected = detect_encoding(stream)
    if not check_encoding(source, detected, file.findings):
        return file
    file.split = lambda lines: _split_file(source.open, detected, lines)
    lines = LineSplitter()
    blocks = _with_separator_check(file, _split_file(source.open, detected, lines, on_read))
    use_ranges = judge.sends_ranges and can_split_into_ranges(detected)
    parts = split_into_ranges(blocks, detected, lines, size=RANGE_BYTES) if use_ranges else blocks
    _spill(file, judge.judge_in_order(parts, source.open, detected), spilled)
    check_row_counts(source, file.rows, file.ignored, file.findings)
    return file


def _split_file(
    open_file: Callable[[], BinaryIO],
    detected: DetectedEncoding,
    lines: LineSplitter,
    on_read: Callable[[int], object] | None = None,
) -> Iterator[RecordBlock]:
    with open_file() as stream:
        yield from split_records(lines.split(decode_to_utf8(stream, detected, on_read=on_read)))


def _spill(file: ReadFile, blocks: Iterable[JudgedBlock], spilled: SpilledBlocks) -> None:
    for judged in blocks:
        spilled.put(judged)
        file.blocks += 1
        file.rows += len(judged.number)
        file.ignored += int(np.count_nonzero(judged.blank))
        file.candidates += int(np.count_nonzero(judged.number >= 0))


def _with_separator_check(file: ReadFile, blocks: Iterable[RecordBlock]) -> Iterator[RecordBlock]:
    for block in blocks:
        if block.first_record is not None:
            check_separator(file.name, block, file.findings)
        yield block


@dataclass(frozen=True, slots=True)
class _BlockJudge:
    """Judges blocks in this process or in workers, with the same results in the same order."""

    workers: RowWorkers | None
    terms: RowTerms

    @property
    def sends_ranges(self) -> bool:
        return self.workers is not None and self.workers.opens_files

    def warm_up(self) -> None:
        """Judge one row here, so that processes forked later already have the schema and the numbering plan."""
        if self.workers is not None:
            deque(self.judge_here([typed_numbers_block([TypedNumber(number="", call_purpose="")])]), maxlen=0)

    def judge_here(self, blocks: Iterable[RecordBlock]) -> Iterator[JudgedBlock]:
        for block in blocks:
            yield judge_block(block, self.terms)

    def judge_in_order(
        self,
        parts: Iterable[RecordBlock | ByteRange],
        open_file: Callable[[], BinaryIO],
        detected: DetectedEncoding,
    ) -> Iterator[JudgedBlock]:
        if self.workers is None:
            yield from self.judge_here(part for part in parts if isinstance(part, RecordBlock))
            return
        waiting: deque[Future[list[JudgedBlock]]] = deque()
        for part in parts:
            if isinstance(part, RecordBlock) and len(part.data) > MAX_BYTES_SENT:
                while waiting:
                    yield from waiting.popleft().result()
                yield from self.judge_here([part])
                continue
            waiting.append(self._submit(self.workers.executor, part, open_file, detected))
            if len(waiting) > 2 * self.workers.count:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()

    def _submit(
        self,
        executor: Executor,
        part: RecordBlock | ByteRange,
        open_file: Callable[[], BinaryIO],
        detected: DetectedEncoding,
    ) -> "Future[list[JudgedBlock]]":
        if isinstance(part, ByteRange):
            return executor.submit(judge_range, open_file, detected, part, self.terms)
        return executor.submit(judge_blocks, [_without_positions(part)], self.terms)


def _without_positions(block: RecordBlock) -> RecordBlock:
    """The block without the arrays that judging does not use, so that less is sent to the other process."""
    return replace(block, lines=_EMPTY, faults=_EMPTY.astype(np.uint8))
