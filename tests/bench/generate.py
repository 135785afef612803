"""Numbers files for benchmarks: US numbers in the usual formats, all ten purposes, and a share of bad rows."""

from pathlib import Path

import numpy as np

from schemas.model.area_codes import METADATA_ONLY
from schemas.model.purposes import PURPOSES
from schemas.rows.numbers.numbering_plan import numbering_plan

#: Rows written at a time.
BATCH = 100_000

_FORMATS = ["{a}{x}{n}", "({a}) {x}-{n}", "+1{a}{x}{n}", "{a}-{x}-{n}", "{a}.{x}.{n}"]
_FORMAT_SHARES = [0.55, 0.15, 0.15, 0.10, 0.05]

#: Bad rows: the number's format, and a purpose if that is what is wrong.
_BAD: list[tuple[str, str | None]] = [
    ("{a}{x}{l}", None),
    ("{x}-{n}", None),
    ("1{x}{x}{n}", None),
    ("{a}911{n}", None),
    ("ask for {a}", None),
    ("{a}{x}{n}.0", None),
    ("5.01215E+09", None),
    ("{a}{x}{n}", "Marketing"),
    ("{a}{x}{n}", ""),
]


def write_numbers_file(path: Path, rows: int, bad_share: float, seed: int = 1, *, owner: int | None = None) -> None:
    """Write a file with this many rows, of which about `bad_share` are bad. The same arguments give the same bytes.

    With an `owner` (0 to 2,000), numbers come from an area code and exchanges that only this owner has, because a
    number is seldom in two programs. Otherwise they come from the whole numbering plan.
    """
    rng = np.random.default_rng(seed)
    known = numbering_plan(METADATA_ONLY)
    areas = np.flatnonzero((known.region == known.regions.index("US")) & ~known.toll_free & ~known.non_geographic)
    areas = np.array([area for area in areas if area not in known.partly_valid and not known.premium[area]])
    exchanges = np.array([each for each in range(200, 1000) if each % 100 != 11 and each not in (555, 958, 959, 976)])
    if owner is not None:
        areas, exchanges = areas[owner % len(areas) :][:1], np.array_split(exchanges, 8)[owner // len(areas)]
    with path.open("w") as file:
        for begin in range(0, rows, BATCH):
            file.writelines(_lines(rng, min(BATCH, rows - begin), bad_share, areas, exchanges))


def _lines(
    rng: np.random.Generator, count: int, bad_share: float, areas: np.ndarray, exchanges: np.ndarray
) -> list[str]:
    columns = zip(
        rng.choice(areas, count).tolist(),
        rng.choice(exchanges, count).tolist(),
        rng.integers(0, 10_000, count).tolist(),
        rng.choice(len(_FORMATS), count, p=_FORMAT_SHARES).tolist(),
        rng.integers(0, len(PURPOSES), count).tolist(),
        (rng.random(count) < bad_share).tolist(),
        rng.integers(0, len(_BAD), count).tolist(),
        strict=True,
    )
    lines = []
    for area, exchange, line, style, purpose, is_bad, fault in columns:
        shape, bad_purpose = _BAD[fault] if is_bad else (_FORMATS[style], None)
        number = shape.format(a=area, x=exchange, n=f"{line:04d}", l=line % 10)
        lines.append(f"{number},{PURPOSES[purpose] if bad_purpose is None else bad_purpose}\n")
    return lines
