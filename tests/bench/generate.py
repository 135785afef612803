"""Numbers files to measure with: US numbers in the usual spellings, all ten purposes, and a share of faulty rows."""

from pathlib import Path

import numpy as np

from schemas.model.purposes import PURPOSES
from schemas.rows.numbers.numbering_plan import numbering_plan

#: Rows written at a time.
BATCH = 100_000

_PLAIN = ["{a}{x}{n}", "({a}) {x}-{n}", "+1{a}{x}{n}", "{a}-{x}-{n}", "{a}.{x}.{n}"]
_SHARES = [0.55, 0.15, 0.15, 0.10, 0.05]

#: Faulty rows: a number's spelling, and a purpose where it is the purpose that is wrong.
_FAULTY: list[tuple[str, str | None]] = [
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


def write(path: Path, rows: int, faulty: float, seed: int = 1, *, owner: int | None = None) -> None:
    """Write a file of so many rows, of which about this share is faulty. The same arguments give the same bytes.

    Numbers are drawn from all there are, or from an area code and exchanges that are this owner's alone (0 to 2,000): a
    number is seldom in two programs.
    """
    rng = np.random.default_rng(seed)
    known = numbering_plan()
    areas = np.flatnonzero((known.region == known.regions.index("US")) & ~known.toll_free & ~known.non_geographic)
    areas = np.array([area for area in areas if area not in known.partly and not known.premium[area]])
    exchanges = np.array([each for each in range(200, 1000) if each % 100 != 11 and each not in (555, 958, 959, 976)])
    if owner is not None:
        areas, exchanges = areas[owner % len(areas) :][:1], np.array_split(exchanges, 8)[owner // len(areas)]
    with path.open("w") as file:
        for begin in range(0, rows, BATCH):
            file.writelines(_lines(rng, min(BATCH, rows - begin), faulty, areas, exchanges))


def _lines(rng: np.random.Generator, count: int, faulty: float, areas: np.ndarray, exchanges: np.ndarray) -> list[str]:
    columns = zip(
        rng.choice(areas, count).tolist(),
        rng.choice(exchanges, count).tolist(),
        rng.integers(0, 10_000, count).tolist(),
        rng.choice(len(_PLAIN), count, p=_SHARES).tolist(),
        rng.integers(0, len(PURPOSES), count).tolist(),
        (rng.random(count) < faulty).tolist(),
        rng.integers(0, len(_FAULTY), count).tolist(),
        strict=True,
    )
    lines = []
    for area, exchange, line, spelling, purpose, is_faulty, fault in columns:
        shape, wrong = _FAULTY[fault] if is_faulty else (_PLAIN[spelling], None)
        number = shape.format(a=area, x=exchange, n=f"{line:04d}", l=line % 10)
        lines.append(f"{number},{PURPOSES[purpose] if wrong is None else wrong}\n")
    return lines
