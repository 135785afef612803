"""The first pass over a submission's numbers: every file read, every row judged by itself, what was found put aside."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from schemas.columns import parse_columns
from schemas.decoding import Reading, survey, text
from schemas.file_rules import check_before, check_read, check_whole, other_separator
from schemas.findings import TYPED_IN, Finding
from schemas.framing import Block, frame
from schemas.lines import WholeLines
from schemas.manifest import TypedNumber
from schemas.numbers import Progress, Source, Terms
from schemas.policy import Policy
from schemas.rows import Judged, judge_rows, row_schema
from schemas.shelf import Shelf, Spool
from schemas.typed_in import typed_block

#: Bytes from which other processes are worth their start.
WORTH_A_POOL = 8 << 20

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
    terms: Terms,
    *,
    policy: Policy,
    spool: Spool,
    workers: int,
    progress: Progress | None,
) -> FirstPass:
    """Read every file once and judge its rows."""
    result = FirstPass(files=[], judged=JudgedShelf(spool))
    total = sum(source.bytes for source in sources)
    done = 0

    def seen(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None and count:
            progress(done, total)

    with _pool(workers, total, terms) as pool:
        judging = _Judging(pool, workers, terms)
        for source in sources:
            result.files.append(_read_source(source, policy, result.judged, judging, seen))
    if typed:
        file = ReadFile(name=TYPED_IN, frame=lambda _lines: iter([typed_block(typed)]))
        _judge_blocks(file, file.frame(WholeLines()), result.judged, _Judging(None, 1, terms))
        result.files.append(file)
    return result


def _pool(workers: int, total: int, terms: Terms) -> AbstractContextManager[Executor | None]:
    if workers < 2 or total < WORTH_A_POOL:
        return nullcontext()
    from concurrent.futures import ProcessPoolExecutor  # not worth its import for small drops
    from multiprocessing import get_context

    from schemas.orphans import end_with_the_parent

    # One row judged here: the processes are then forked with the schema, the plan and Pandera's backends at hand.
    judge_block(typed_block([TypedNumber(number="", call_purpose="")]), terms.regions, terms.toll_free)
    return ProcessPoolExecutor(workers, mp_context=get_context("fork"), initializer=end_with_the_parent)


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
    _judge_blocks(file, _blocks(source.open, reading, WholeLines(), seen), shelf, judging)
    check_whole(source, file.rows, file.ignored, file.findings)
    return file


def _blocks(
    open_file: Callable[[], BinaryIO],
    reading: Reading,
    lines: WholeLines,
    seen: Callable[[int], object] | None = None,
) -> Iterator[Block]:
    with open_file() as stream:
        yield from frame(lines.of(text(stream, reading, seen=seen)))


def _judge_blocks(file: ReadFile, blocks: Iterable[Block], shelf: JudgedShelf, judging: "_Judging") -> None:
    for judged in judging.in_order(_looked_at(file, blocks)):
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

    pool: Executor | None
    workers: int
    terms: Terms

    def in_order(self, blocks: Iterable[Block]) -> Iterator[Judged]:
        if self.pool is None:
            for block in blocks:
                yield judge_block(block, self.terms.regions, self.terms.toll_free)
            return
        waiting: deque[Future[Judged]] = deque()
        for block in blocks:
            waiting.append(self.pool.submit(judge_block, _light(block), self.terms.regions, self.terms.toll_free))
            if len(waiting) > 2 * self.workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def judge_block(block: Block, regions: tuple[str, ...], toll_free: str) -> Judged:
    """A block's rows by themselves."""
    return judge_rows(parse_columns(block), row_schema(regions, toll_free))


def _light(block: Block) -> Block:
    """The block without what judging does not need, for the way to another process."""
    return replace(block, starts=_NOTHING, lines=_NOTHING, faults=_NOTHING.astype(np.uint8))
