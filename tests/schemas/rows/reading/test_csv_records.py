"""Compares record splitting with a reader that goes character by character, and checks time and memory."""

import io
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.model.judgment import CHUNK_ROWS
from schemas.rows.numbers.columns import block_cells
from schemas.rows.reading.csv_records import split_records
from schemas.rows.reading.encoding import decode_to_utf8, detect_encoding
from schemas.rows.reading.long_lines import MAX_LINE_BYTES, LineSplitter
from tests.schemas.rows.reference_reader import read_reference_records

PIECES = [b'"', b'""', b",", b"\n", b"\r\n", b"a", b"bc", b'","', b'"x","y"\n', b'x,"y"\n', b'"x",y\r\n', b"1,2\n"]
PIECES += [b"\0", b" ", b"\r", b"\r\r\n", b'\n"', b"\xc3\xa9", b'"a\nb",c\n']
data_of_pieces = st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)


def split_blocks(data, *, piece_bytes=1 << 20, block_rows=128 * CHUNK_ROWS, tail_file=None):
    detected = detect_encoding(io.BytesIO(data))
    return split_records(
        LineSplitter(tail_file).split(decode_to_utf8(io.BytesIO(data), detected, piece_bytes=piece_bytes)),
        block_rows=block_rows,
    )


def split(data, **options):
    """(raw, line, number of cells, the first two cells) of each record."""
    found = []
    for block in split_blocks(data, **options):
        assert block.first_row == len(found) + 1
        assert (block.first_row - 1) % CHUNK_ROWS == 0
        cells = block_cells(block)
        for row in range(block.row_count):
            raw = block.data[block.starts[row] : block.starts[row + 1]]
            first = (cells.number[row].as_py(), cells.purpose[row].as_py())
            found.append((raw, int(block.lines[row]), int(block.cell_counts[row]), first))
    return found


def check_against_reference(data, **options):
    if detect_encoding(io.BytesIO(data)).is_utf16:  # a comma or quote and a NUL in turn
        return
    found = split(data, **options)
    reference = read_reference_records(data)
    assert [(raw, line) for raw, line, _, _ in found] == [(each.raw, each.line) for each in reference]
    for (_, _, count, first), each in zip(found, reference, strict=True):
        if each.cells is None:
            assert count == 0, each
        else:
            assert (count, first) == (len(each.cells), tuple([*each.cells, b""][:2])), each


@settings(max_examples=300, deadline=None)
@given(data_of_pieces, st.sampled_from([1, 3, 20, 1 << 20]))
def test_records_are_those_of_the_reference_reader(data, piece_bytes):
    check_against_reference(data, piece_bytes=piece_bytes)


@settings(max_examples=25, deadline=None)
@given(data_of_pieces, st.integers(100, 400), st.sampled_from([300, 1000, 5000]))
def test_records_are_the_same_across_chunk_and_block_borders(data, times, piece_bytes):
    check_against_reference(data * times, piece_bytes=piece_bytes, block_rows=CHUNK_ROWS)


@pytest.mark.parametrize("gap", range(3))
def test_a_quoted_line_end_across_every_border(gap):
    rows = [b'"5012149020\n",Survey\r\n' if n % 7 == 0 else b"5012149020,Survey\n" for n in range(3 * CHUNK_ROWS)]
    rows.insert(CHUNK_ROWS - 1 + gap, b'"a\r\n\r\nb","\nc"\n')
    check_against_reference(b"".join(rows), piece_bytes=997, block_rows=CHUNK_ROWS)


def test_a_long_line_is_cut_and_its_tail_is_written():
    long = b"9" * (3 * MAX_LINE_BYTES + 5)
    tail_file = io.BytesIO()
    data = b"1,2\n" + long + b",x\r\n" + b"3,4\n" + long
    found = split(data, piece_bytes=1000, tail_file=tail_file)
    assert [(len(raw), line, count) for raw, line, count, _ in found] == [
        (4, 1, 2),
        (MAX_LINE_BYTES + 2, 2, 0),
        (4, 3, 2),
        (MAX_LINE_BYTES + 2, 4, 0),
    ]
    assert tail_file.getvalue() == b"9" * (2 * MAX_LINE_BYTES + 5) + b",x\r" + b"9" * (2 * MAX_LINE_BYTES + 5)


def test_a_line_just_short_enough_is_not_cut():
    whole = b"9" * (MAX_LINE_BYTES - 2) + b",x"
    assert [count for _, _, count, _ in split(whole + b"\n1,2\n")] == [2, 2]
    assert [count for _, _, count, _ in split(b"9" + whole + b"\n1,2\n")] == [0, 2]


def test_a_cut_never_splits_a_character():
    (found, _) = split(b"x" + "é".encode() * MAX_LINE_BYTES + b"\n1,2\n")
    assert found[0].rstrip(b"\0\n").decode()


def test_a_long_line_is_broken_however_many_columns_it_has():
    found = split(b"," * 2_000_000 + b"\n1,2\n")
    assert [count for _, _, count, _ in found] == [0, 2]


def test_an_unclosed_quote_breaks_only_its_own_line():
    rest = b"5012149020,Survey\n" * 50_000
    found = split(b'"5012149020,Survey\n' + rest)
    assert found[0][2] == 0
    assert [count for _, _, count, _ in found[1:]] == [2] * 50_000


@pytest.mark.parametrize(
    "unit",
    [
        b'"\n',
        b'"a\n',
        b'""""\n',
        b'"""\n',
        b'"a""\n',
        b'x,"\n',
        b'"a,b\n\n',
        b"\n",
        b'"a"b\n',
        b'"x\ny",z\n',
        b",,,,,,,\n",
        b'"",' * 50 + b"\n",
        b'"' + b'""' * 500 + b"\n",
        b"a" * 1000 + b"\n",
        b"\r",
        b"\0\n",
    ],
)
def test_time_is_linear(unit):
    def seconds(size):
        data = unit * (size // len(unit))
        started = time.process_time()
        for _ in split_blocks(data, piece_bytes=1 << 16):
            pass
        return time.process_time() - started

    # The best of three, because other work on the machine only slows it down.
    small, large = (min(seconds(size) for _ in range(3)) for size in (60_000, 240_000))
    assert large < 10 * small + 0.3


@pytest.mark.parametrize(
    "unit",
    [
        *(b"\n", b"a" * 1000 + b"\n", b"1,2\n", b'"1","2"\n', b"," * 1000, b"x" * MAX_LINE_BYTES + b"\n"),
        *(b'"a\n', b'"""\n', b'"\n",', b'"x\ny",z\n'),
    ],
)
def test_memory_does_not_grow_with_the_file(unit):
    data = unit * (16_000_000 // len(unit))
    tracemalloc.start()
    for _ in split_blocks(data):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 << 20
