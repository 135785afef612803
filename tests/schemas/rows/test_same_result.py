"""The same numbers give the same result with any number of processes, byte ranges, blocks and spill files."""

import tempfile
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context

import numpy as np
import pytest

from schemas.model.judging_context import NumberConflict
from schemas.model.judgment import CHUNK_ROWS
from schemas.model.policy import FindingCaps
from schemas.model.purposes import PURPOSES
from schemas.rows import first_pass
from schemas.rows.reading import csv_records, encoding
from schemas.rows.types import RowWorkers
from tests.schemas.rows.judging_in_memory import GOOD_NUMBER, good_numbers, judge_files, whole_result


def mixed_rows(count):
    """A large file with good rows and every kind of odd one."""
    rng = np.random.default_rng(11)
    odd = [
        "call me,Survey\n",
        "\n",
        '"501\n214-9020",Survey\n',
        "2149020,Zebra\n",
        '"x\n',
        ",\n",
        "5012149020,Charity\r\n",
    ]
    odd += ['"212-214-9020","Survey"\n', "501\u00a0213\u00a09020,Survey\n", "3402149020,Survey\n", "a,b,c\n", "\0\n"]
    plain = [f"{number},{PURPOSES[n % 10]}\n" for n, number in enumerate(good_numbers(count))]
    return "".join(
        odd[rng.integers(len(odd))] if rng.random() < 0.2 else plain[rng.integers(count)] for _ in range(count)
    )


def open_temporary_file(stack):
    return stack.enter_context(tempfile.TemporaryFile())


def test_the_result_does_not_depend_on_processes_blocks_or_spill_files(monkeypatch):
    files = [mixed_rows(6_000), mixed_rows(700)]
    options = {"purpose": "Survey", "typed": [(GOOD_NUMBER, "Survey")], "caps": FindingCaps(per_rule=50, shown=300)}
    options["claims"] = type(
        "Claims", (), {"find_conflicts": lambda _, asked: {int(asked[0]): NumberConflict(rule="NUM-022", program=None)}}
    )()
    whole = whole_result(judge_files(*files, **options))
    assert len(whole[6]) > 1000
    monkeypatch.setattr(first_pass, "MIN_BYTES_FOR_WORKERS", 0)
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as executor:
        assert whole_result(judge_files(*files, workers=RowWorkers(executor=executor, count=2), **options)) == whole
    for piece_bytes, block_rows in ((1 << 10, CHUNK_ROWS), (7_919, 3 * CHUNK_ROWS), (1 << 17, 2 * CHUNK_ROWS)):
        monkeypatch.setattr(encoding.detect_encoding, "__defaults__", (piece_bytes,))
        monkeypatch.setattr(
            encoding.decode_to_utf8,
            "__kwdefaults__",
            {"piece_bytes": piece_bytes, "begin": 0, "end": None, "on_read": None},
        )
        monkeypatch.setattr(
            csv_records.split_records, "__kwdefaults__", {"block_rows": block_rows, "start": csv_records.START}
        )
        with ExitStack() as files_open:
            assert (
                whole_result(
                    judge_files(*files, open_spill=lambda stack=files_open: open_temporary_file(stack), **options)
                )
                == whole
            )


class FakeExecutor(Executor):
    """Runs each task at once. `submitted` has the names of the functions it was given."""

    def __init__(self):
        self.submitted = []

    def submit(self, work, *arguments):
        self.submitted.append(work.__name__)
        done = Future()
        done.set_result(work(*arguments))
        return done


ENCODERS = {
    "plain": lambda text: text.encode(),
    "BOM": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "CRLF": lambda text: text.replace("\r", "").replace("\n", "\r\n").encode(),
    "lone CR": lambda text: text.replace("\r", "").replace("\n", "\r").encode(),
    "Windows-1252": lambda text: text.encode("cp1252"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "a quote that never closes": lambda text: text.replace('"501', '"').encode(),
    "a long last line without a line end": lambda text: text.encode() + b"x" * 200_000,
    "a long line in the middle": lambda text: text.encode() + b"5012149020," + b"y" * 20_000 + b"\n" + text.encode(),
    "mixed line ends": lambda text: text.replace("Survey\n", "Survey\r").replace("Charity\n", "Charity\r\n").encode(),
    "CR CR LF": lambda text: text.replace("\r", "").replace("\n", "\r\r\n").encode(),
    "a Ctrl-Z at the end": lambda text: text.encode() + b"5012149020,Survey\x1a",
    "a Ctrl-Z on the last line": lambda text: text.encode() + b"\x1a\r\n",
    "UTF-16 without a BOM": lambda text: text.encode("utf-16-le") + b"\x1a",
    "BOMs inside": lambda text: text.replace("5012149020,", "\ufeff5012149020,").encode(),
}


@pytest.mark.parametrize("kind", ENCODERS)
def test_judging_byte_ranges_gives_the_same_result(monkeypatch, kind):
    content = ENCODERS[kind](mixed_rows(9_000))
    whole = whole_result(judge_files(content, content[: len(content) // 2]))
    monkeypatch.setattr(first_pass, "MIN_BYTES_FOR_WORKERS", 0)
    monkeypatch.setattr(
        csv_records.split_records, "__kwdefaults__", {"block_rows": CHUNK_ROWS, "start": csv_records.START}
    )
    submitted = set()
    for size in (1, 40_000):
        monkeypatch.setattr(first_pass, "RANGE_BYTES", size)
        executor = FakeExecutor()
        assert (
            whole_result(
                judge_files(
                    content,
                    content[: len(content) // 2],
                    workers=RowWorkers(executor=executor, count=2, opens_files=True),
                )
            )
            == whole
        )
        assert len(executor.submitted) > 5
        submitted.update(executor.submitted)
    needs_whole_file = kind in ("UTF-16", "UTF-16 without a BOM", "CR CR LF")
    assert ("judge_range" in submitted) == (not needs_whole_file)
    assert ("judge_blocks" in submitted) == (needs_whole_file or kind.startswith("a long "))


def test_streams_can_be_read_repeatedly_and_at_the_same_time():
    result = judge_files(mixed_rows(3000))
    pairs = list(zip(result.rejections(), result.rejections(), strict=True))
    assert all(one.equals(other) for one, other in pairs)
    assert list(result.rejected_records()) == list(result.rejected_records())


def test_small_drops_are_judged_without_workers():
    executor = FakeExecutor()
    judge_files(f"{GOOD_NUMBER},Survey\n", workers=RowWorkers(executor=executor, count=2, opens_files=True))
    assert executor.submitted == []
