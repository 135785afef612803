"""The same numbers give the same result in any number of processes, ranges, blocks and spools."""

import tempfile
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context

import numpy as np
import pytest

from schemas.model.drop import Conflict
from schemas.model.policy import Caps
from schemas.model.purposes import PURPOSES
from schemas.rows import first_pass
from schemas.rows.reading import csv_records, encoding
from schemas.rows.reading.csv_records import CHUNK_ROWS
from schemas.rows.types import RowWorkers
from tests.schemas.rows.engine_cases import GOOD, everything, judge, numbers


def mixed(count):
    """A large file with something of everything."""
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
    plain = [f"{number},{PURPOSES[n % 10]}\n" for n, number in enumerate(numbers(count))]
    return "".join(
        odd[rng.integers(len(odd))] if rng.random() < 0.2 else plain[rng.integers(count)] for _ in range(count)
    )


def temporary(stack):
    return stack.enter_context(tempfile.TemporaryFile())


def test_no_result_depends_on_processes_blocks_or_spools(monkeypatch):
    files = [mixed(6_000), mixed(700)]
    options = {"purpose": "Survey", "typed": [(GOOD, "Survey")], "caps": Caps(per_rule=50, shown=300)}
    options["claims"] = type(
        "Claims", (), {"conflicts": lambda _, asked: {int(asked[0]): Conflict(rule="NUM-022", program=None)}}
    )()
    whole = everything(judge(*files, **options))
    assert len(whole[5]) > 1000
    monkeypatch.setattr(first_pass, "MIN_BYTES_FOR_WORKERS", 0)
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as executor:
        assert everything(judge(*files, workers=RowWorkers(executor=executor, count=2), **options)) == whole
    for block, block_rows in ((1 << 10, CHUNK_ROWS), (7_919, 3 * CHUNK_ROWS), (1 << 17, 2 * CHUNK_ROWS)):
        monkeypatch.setattr(encoding.detect_encoding, "__defaults__", (block,))
        monkeypatch.setattr(
            encoding.decode_to_utf8, "__kwdefaults__", {"block": block, "from_start": True, "seen": None}
        )
        monkeypatch.setattr(
            csv_records.split_records, "__kwdefaults__", {"block_rows": block_rows, "at": csv_records.START}
        )
        with ExitStack() as files_open:
            assert everything(judge(*files, spool=lambda stack=files_open: temporary(stack), **options)) == whole


class Elsewhere(Executor):
    """Workers that open files themselves; `parts` is what they were given."""

    def __init__(self):
        self.parts = []

    def submit(self, work, *arguments):
        self.parts.append(work.__name__)
        done = Future()
        done.set_result(work(*arguments))
        return done


WAYS = {
    "plain": lambda text: text.encode(),
    "BOM": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "CRLF": lambda text: text.replace("\r", "").replace("\n", "\r\n").encode(),
    "lone CR": lambda text: text.replace("\r", "").replace("\n", "\r").encode(),
    "Windows-1252": lambda text: text.encode("cp1252"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "a quote that never closes": lambda text: text.replace('"501', '"').encode(),
    "no line end, and long": lambda text: text.encode() + b"x" * 200_000,
    "long in the middle": lambda text: text.encode() + b"5012149020," + b"y" * 70_000 + b"\n" + text.encode(),
    "BOMs inside": lambda text: text.replace("5012149020,", "\ufeff5012149020,").encode(),
}


@pytest.mark.parametrize("way", WAYS)
def test_ranges_judged_elsewhere_are_the_file_judged_here(monkeypatch, way):
    content = WAYS[way](mixed(9_000))
    whole = everything(judge(content, content[: len(content) // 2]))
    monkeypatch.setattr(first_pass, "MIN_BYTES_FOR_WORKERS", 0)
    monkeypatch.setattr(
        csv_records.split_records, "__kwdefaults__", {"block_rows": CHUNK_ROWS, "at": csv_records.START}
    )
    parts = set()
    for size in (1, 40_000):
        monkeypatch.setattr(first_pass, "RANGE_BYTES", size)
        pool = Elsewhere()
        assert (
            everything(
                judge(
                    content, content[: len(content) // 2], workers=RowWorkers(executor=pool, count=2, opens_files=True)
                )
            )
            == whole
        )
        assert len(pool.parts) > 5
        parts.update(pool.parts)
    assert ("judge_range" in parts) == (way != "UTF-16")
    assert ("judge_blocks" in parts) == (way in ("UTF-16", "long in the middle", "no line end, and long"))


def test_streams_can_be_read_again_and_side_by_side():
    result = judge(mixed(3000))
    together = list(zip(result.rejections(), result.rejections(), strict=True))
    assert all(one.equals(other) for one, other in together)
    assert list(result.rejected_records()) == list(result.rejected_records())


def test_small_drops_are_judged_without_workers():
    nobody = Elsewhere()
    judge(f"{GOOD},Survey\n", workers=RowWorkers(executor=nobody, count=2, opens_files=True))
    assert nobody.parts == []
