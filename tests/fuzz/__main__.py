"""Fuzzing guided by coverage, by hand: `python -m tests.fuzz [SECONDS]` (600 where not said).

It needs atheris, which is no dependency of the project: `pip install atheris` into the environment first. A drop is one
file of bytes, manifest and numbers parted by a form feed, which no manifest may have. What is found is written to
`crash-*`: it becomes a case in tests/cases.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["schemas", "reports", "yaml"]):
    from tests.schemas.any_bytes import check_drop, check_numbers, seeds

LONGEST = 1 << 13


def drop(data: bytes) -> None:
    """Judge a drop of these bytes, and its numbers by themselves."""
    manifest, _, numbers = data.partition(b"\f")
    check_drop(manifest, numbers)
    check_numbers(numbers)


def main(seconds: str = "600") -> None:
    with tempfile.TemporaryDirectory() as corpus:
        for place, (manifest, numbers) in enumerate(seeds()):
            (Path(corpus) / str(place)).write_bytes(manifest + b"\f" + numbers)
        options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=20", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], corpus, *options], drop)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
