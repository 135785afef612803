"""Pandera made lean: a schema of rules whose failing path costs little more than its passing one.

Stock Pandera spends 3 to 15 ms on a 500-row chunk with faults in it, nearly all on consolidating failure cases into a
frame. Here a rule is a `Check` on plain values, and the schema's own backend, registered the way Pandera means it to
be, runs the same checks on the same columns and keeps each one's answer as it is. A test holds that the stock backend
finds the same rules broken in the same rows.
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
    """A rule as a check: a function from a column's values to which of them are fine. Name and error are its id."""

    def __init__(self, id: str, fine: Callable[[Values], Passes]) -> None:
        super().__init__(fine, name=id, error=id, ignore_na=False)
        self.fine = fine


class _RuleBackend(PandasCheckBackend):
    """Lets stock Pandera apply a rule: a series in, a series out."""

    def apply_field(self, check_obj: "pd.Series[int]") -> "pd.Series[bool]":
        return pd.Series(self.check_fn(check_obj.to_numpy()), index=check_obj.index)


class RowSchema(pa.DataFrameSchema):
    """A frame schema of int64 columns whose checks are rules. Raises SchemaErrors, each with its `check_output`."""


def _broken(column: pa.Column, check_obj: pd.DataFrame, rule: RowRule, fine: Passes) -> SchemaError:
    # Pandera publishes no types for its errors.
    return SchemaError(column, check_obj, rule.error, check=rule, check_output=fine)  # type: ignore[no-untyped-call]


class _RowSchemaBackend(DataFrameSchemaBackend):
    def validate(self, check_obj: pd.DataFrame, schema: RowSchema, **_options: Any) -> pd.DataFrame:
        """Every check of every column. Raises TypeError where the frame's columns are not the schema's, for that is no
        fault of the data, and SchemaErrors where rules are broken."""
        values = check_obj.to_numpy()
        if values.dtype != np.int64 or check_obj.columns.tolist() != list(schema.columns):
            raise TypeError(f"expected int64 columns {list(schema.columns)}, got {check_obj.dtypes.to_dict()}")
        broken = []
        for place, column in enumerate(schema.columns.values()):
            of_column = values[:, place]
            for rule in column.checks:
                fine = rule.fine(of_column)
                if np.count_nonzero(fine) < len(fine):
                    broken.append(_broken(column, check_obj, rule, fine))
        if broken:
            raise SchemaErrors(schema=schema, schema_errors=broken, data=check_obj)
        return check_obj

    def failure_cases_metadata(self, *_errors: object) -> FailureCaseMetadata:
        """No failure cases are gathered: whoever wants rows asks each error for its `check_output`."""
        return FailureCaseMetadata(failure_cases=None, message={}, error_counts={})


for _type in (pd.Series, pd.DataFrame):
    RowRule.register_backend(_type, _RuleBackend)
RowSchema.register_backend(pd.DataFrame, _RowSchemaBackend)
