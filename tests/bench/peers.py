"""What is measured beside the engine. `python -m tests.bench.peers NAME FILE` prints the seconds, imports apart.

- composition: the obvious way with the same libraries, Pandera on 500-row chunks and phonenumbers row by row. It says
  which rows fail; it knows nothing of served regions, duplicates, encodings or what a row means by its faults.
- frictionless: a pattern and an enum, and nothing of the numbering plan.
"""

import sys
import time
import warnings
from pathlib import Path

from schemas.model.purposes import PURPOSES


def composition(path: str) -> None:
    """Validate with Pandera and phonenumbers, composed as their guides would have it."""
    import pandas as pd
    import pandera.pandas as pa
    import phonenumbers

    def possible(number: str) -> bool:
        try:
            return phonenumbers.is_valid_number(phonenumbers.parse(number, "US"))
        except phonenumbers.NumberParseException:
            return False

    def valid(numbers: pd.Series) -> pd.Series:
        return pd.Series([possible(number) for number in numbers], index=numbers.index)

    schema = pa.DataFrameSchema(
        {
            "phone_number": pa.Column(str, pa.Check(valid, name="valid")),
            "call_purpose": pa.Column(str, pa.Check.isin(PURPOSES)),
        }
    )
    started = time.perf_counter()
    chunks = pd.read_csv(
        path,
        header=None,
        names=list(schema.columns),
        dtype=str,
        keep_default_na=False,
        skip_blank_lines=False,
        chunksize=500,
    )
    for chunk in chunks:
        try:
            schema.validate(chunk, lazy=True)
        except pa.errors.SchemaErrors as found:
            len(found.failure_cases)
    print(time.perf_counter() - started)


def frictionless(path: str) -> None:
    """Validate with Frictionless: each cell against its own constraint."""
    from frictionless import Dialect, Resource, Schema, validate

    fields = [
        {
            "name": "phone_number",
            "type": "string",
            "constraints": {"required": True, "pattern": r"[+]?[\d ().-]{10,17}"},
        },
        {"name": "call_purpose", "type": "string", "constraints": {"required": True, "enum": list(PURPOSES)}},
    ]
    schema = Schema.from_descriptor({"fields": fields})
    started = time.perf_counter()
    file = Path(path)
    resource = Resource(path=file.name, basepath=str(file.parent), schema=schema, dialect=Dialect(header=False))
    report = validate(resource, limit_errors=10**9)
    took = time.perf_counter() - started
    if not report.tasks[0].stats["rows"]:
        raise RuntimeError(f"Frictionless read nothing: {report.errors or report.tasks[0].errors}")
    print(took)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    {"composition": composition, "frictionless": frictionless}[sys.argv[1]](sys.argv[2])
