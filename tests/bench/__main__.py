"""`make bench`: measures the promised speed from outside and prints tables of ratios.

    python -m tests.bench [--quick] [SECTION ...]

Each section's table is written to tests/bench/results/. `--quick` measures less and writes nothing.
"""

import argparse
import tempfile
from pathlib import Path

from tests.bench import cluster, engine, pipeline, report
from tests.bench.measurement import describe_machine, print_progress

SECTIONS = {"engine": engine, "report": report, "pipeline": pipeline, "cluster": cluster}
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measure the chosen sections, print their tables, and save them unless `--quick`."""
    options = argparse.ArgumentParser(prog="make bench")
    options.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}; all if none is named")
    options.add_argument("--quick", action="store_true")
    chosen = options.parse_args()
    if unknown := set(chosen.sections) - set(SECTIONS):
        options.error(f"unknown section {', '.join(sorted(unknown))}; expected {', '.join(SECTIONS)}")
    for name in chosen.sections or SECTIONS:
        section = SECTIONS[name]
        print_progress(f"== {name}")
        with tempfile.TemporaryDirectory() as place:
            lines = section.run(Path(place), quick=chosen.quick)
        title = (section.__doc__ or name).splitlines()[0]
        text = "\n".join([f"# {title}", "", describe_machine(section.LIBRARIES), *lines, ""])
        print(text)
        if not chosen.quick:
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / f"{name}.md").write_text(text)


if __name__ == "__main__":
    main()
