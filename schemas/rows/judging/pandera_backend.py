"""A Pandera backend for schemas of rules, whose failing path costs little more than its passing one.

Stock Pandera spends 3 to 15 ms on a 500-row chunk with faults in it, nearly all of it to collect failure cases in a
DataFrame. Here a rule is a `Check` on plain values, and the schema has its own backend, registered the way Pandera
intends. It runs the same checks on the same columns and keeps each check's output as it is. A test makes sure that the
stock backend finds the same rules broken in the same rows.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import NDArray
from pandera.backends.pandas.checks import PandasCheckBackend
from pandera.backends.pandas.container import DataFrameSchemaBackend
from pandera.errors import FailureCaseMetadata, SchemaError, SchemaErrors

Values = NDArray[np.int64]
Passes = NDArray[np.bool_]


class RowRule(pa.Check):
    """A rule as a check: a function from a column's values to which of them pass. Its name and error are its id."""

    def __init__(self, id: str, passes: Callable[[Values], Passes]) -> None:
        super().__init__(passes, name=id, error=id, ignore_na=False)
        self.passes = passes


class _RuleBackend(PandasCheckBackend):
    """Lets stock Pandera run a rule: it takes and returns a series."""

    def apply_field(self, check_obj: "pd.Series[int]") -> "pd.Series[bool]":
        return pd.Series(self.check_fn(check_obj.to_numpy()), index=check_obj.index)


class RowSchema(pa.DataFrameSchema):
    """A DataFrame schema of int64 columns whose checks are rules. Raises SchemaErrors, each with its `check_output`."""


def _broken(column: pa.Column, check_obj: pd.DataFrame, rule: RowRule, passes: Passes) -> SchemaError:
    # Pandera publishes no types for its errors.
    return SchemaError(column, check_obj, rule.error, check=rule, check_output=passes)  # type: ignore[no-untyped-call]


class _RowSchemaBackend(DataFrameSchemaBackend):
    def validate(self, check_obj: pd.DataFrame, schema: RowSchema, **_options: Any) -> pd.DataFrame:
        """Run every check of every column.

        Raises SchemaErrors if rules are broken, and TypeError if the columns are not the schema's: that is a
        programming error, not a fault in the data.
        """
        values = check_obj.to_numpy()
        if values.dtype != np.int64 or check_obj.columns.tolist() != list(schema.columns):
            raise TypeError(f"expected int64 columns {list(schema.columns)}, got {check_obj.dtypes.to_dict()}")
        broken = []
        for index, column in enumerate(schema.columns.values()):
            column_values = values[:, index]
            for rule in column.checks:
                passes = rule.passes(column_values)
                if np.count_nonzero(passes) < len(passes):
                    broken.append(_broken(column, check_obj, rule, passes))
        if broken:
            raise SchemaErrors(schema=schema, schema_errors=broken, data=check_obj)
        return check_obj

    def failure_cases_metadata(self, *_errors: object) -> FailureCaseMetadata:
        """No failure cases are collected. Read each error's `check_output` for the rows."""
        return FailureCaseMetadata(failure_cases=None, message={}, error_counts={})


for _type in (pd.Series, pd.DataFrame):
    RowRule.register_backend(_type, _RuleBackend)
RowSchema.register_backend(pd.DataFrame, _RowSchemaBackend)
