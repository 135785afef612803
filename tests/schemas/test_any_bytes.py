"""Any bytes, as a manifest, as numbers or as both: a verdict without exceptions, in bounded memory and linear time."""

import tempfile
import time
import tracemalloc
from contextlib import ExitStack

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from schemas.judge import judge_csv
from tests.schemas.any_bytes import NOW, POLICY, check_drop, check_numbers, file_in_memory, load_seeds

MB = 1_000_000
SEEDS = load_seeds()

#: Bytes to put into a sample, because they mean something in CSV, in YAML or in text.
TOKENS = [
    b'"',
    b'""',
    b",",
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b";",
    b"\xa0",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\x81",
]
TOKENS += [b"+", b"1", b"0", b".0", b"E+09", "\u00a0".encode(), "–".encode(), "５".encode(), b"\xc3", b"\xed\xa0\x80"]
TOKENS += [b": ", b"- ", b"? ", b"&a ", b"*a ", b"<<: *a\n", b"!!int ", b"[", b"]", b"{", b"}", b"|\n", b">-\n", b"# "]
TOKENS += [
    b"no",
    b"~",
    b"1_000",
    b"12:30:00",
    b".inf",
    b"0o7",
    b"2027-01-04",
    b"---\n",
    b"...\n",
    b"%YAML 1.1\n",
    b"\\u0000",
]


@st.composite
def mutated(draw: st.DrawFn, samples: list[bytes]) -> bytes:
    """A sample with some bytes removed, repeated, or replaced by tokens and pieces of other samples."""
    data = draw(st.sampled_from(samples))
    pieces = st.one_of(st.sampled_from(TOKENS), st.binary(max_size=6), st.sampled_from(samples).map(lambda s: s[-40:]))
    for share, length, times, piece in draw(
        st.lists(st.tuples(st.floats(0, 1), st.integers(0, 60), st.integers(0, 3), pieces), max_size=8)
    ):
        at = round(share * len(data))
        data = data[:at] + data[at : at + length] * times + piece + data[at + length :]
    return data


MANIFESTS = st.one_of(mutated(sorted({manifest for manifest, _ in SEEDS})), st.binary(max_size=300))
NUMBERS = st.one_of(mutated(sorted({numbers for _, numbers in SEEDS})), st.binary(max_size=300))

few = settings(max_examples=200, deadline=None, database=None)
many = settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))


@few
@seed(3)
@given(MANIFESTS, NUMBERS)
def test_any_bytes_give_a_verdict(manifest, numbers):
    check_drop(manifest, numbers)
    check_numbers(numbers)


@pytest.mark.soak
@many
@given(MANIFESTS, NUMBERS)
def test_many_more_bytes_give_a_verdict(manifest, numbers):
    check_drop(manifest, numbers)
    check_numbers(numbers)


# Large files


def measure_seconds(content: bytes) -> float:
    """The CPU seconds of this process for judging the content, with spill files as in production."""
    began = time.process_time()
    with ExitStack() as stack:
        judge_csv(
            file_in_memory("numbers.csv", content),
            POLICY,
            NOW,
            open_spill=lambda: stack.enter_context(tempfile.TemporaryFile()),
        )
    return time.process_time() - began


def measure_peak_memory(content: bytes) -> int:
    """The peak memory in bytes for judging the content, in Python, numpy and Arrow."""
    default_pool = pa.default_memory_pool()
    counting_pool = pa.proxy_memory_pool(default_pool)
    pa.set_memory_pool(counting_pool)
    tracemalloc.start()
    try:
        measure_seconds(content)
        return tracemalloc.get_traced_memory()[1] + counting_pool.max_memory()
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(default_pool)


def repeat_to_size(unit: bytes, size: int) -> bytes:
    return unit * (size // len(unit))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"9" * 10 * MB, id="10 MB without a line end"),
        pytest.param(b"," * 2 * MB, id="two million columns"),
        pytest.param(b'"",' * 2 * MB, id="two million quoted columns"),
        pytest.param(b'"' * 10 * MB, id="quotation marks"),
        pytest.param(b'"' + b"x" * 10 * MB + b'",Survey\n', id="a quoted cell of 10 MB"),
        pytest.param(b"\0" * 10 * MB, id="NUL"),
        pytest.param(b"\n" * MB, id="a million blank rows"),
        pytest.param(b"\r" * MB, id="a million CR"),
        pytest.param(b"\xe9" * 10 * MB, id="Windows-1252 without a line end"),
        pytest.param("\ufeff".encode("utf-16-le") + b"9\0" * 5 * MB, id="UTF-16 without a line end"),
        pytest.param(b'"' + b"5012149020,Survey\n" * 200_000, id="a quote that never closes"),
    ],
)
def test_a_very_large_file_takes_seconds_and_little_memory(content):
    assert measure_seconds(content) < 10
    assert measure_peak_memory(content) < 200 * MB


@settings(max_examples=12, deadline=None, database=None)
@seed(5)
@given(NUMBERS)
def test_time_is_linear(unit):
    check_time_is_linear(unit)


@pytest.mark.soak
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(NUMBERS)
def test_time_is_linear_and_memory_is_bounded(unit):
    check_time_is_linear(unit)
    assert measure_peak_memory(repeat_to_size(unit or b"x", 4 * MB)) < 200 * MB


def check_time_is_linear(unit: bytes) -> None:
    """Four times the bytes take less than eight times as long, in one of three tries. (Other processes run too.)"""
    unit = unit or b"x"
    bound = 8 * measure_seconds(repeat_to_size(unit, MB // 4)) + 0.5
    tries = (measure_seconds(repeat_to_size(unit, MB)) for _ in range(3))
    assert any(seconds < bound for seconds in tries)
