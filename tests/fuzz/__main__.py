"""Coverage-guided fuzzing, run by hand: `python -m tests.fuzz [SECONDS]` (default 600).

It needs atheris, which is not a dependency: run `pip install atheris` in the environment first. A drop is one string of
bytes: manifest and numbers separated by a form feed, which no manifest may contain. Failing inputs are written to
`crash-*`. Add each one as a case in tests/cases.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["schemas", "reports", "yaml"]):
    from tests.schemas.any_bytes import check_drop, check_numbers, load_seeds

MAX_BYTES = 1 << 13


def check_input(data: bytes) -> None:
    """Judge a drop with these bytes, then its numbers file alone."""
    manifest, _, numbers = data.partition(b"\f")
    check_drop(manifest, numbers)
    check_numbers(numbers)


def main(seconds: str = "600") -> None:
    with tempfile.TemporaryDirectory() as corpus:
        for index, (manifest, numbers) in enumerate(load_seeds()):
            (Path(corpus) / str(index)).write_bytes(manifest + b"\f" + numbers)
        options = [f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}", "-timeout=20", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], corpus, *options], check_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
