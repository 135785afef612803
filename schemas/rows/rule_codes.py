"""The codes of the rules about rows: small integers, which arrays can store."""

from collections.abc import Iterable

from schemas.model.judgment import RuleTotal

#: Ids of the rules about a row, in the order in which a row's findings are listed. A rule's code is its index.
ROW_RULES: tuple[str, ...] = (
    *(f"CSV-{number:03d}" for number in range(10, 15)),
    *(f"NUM-{number:03d}" for number in range(1, 17)),
    *(f"NUM-{number:03d}" for number in range(20, 26)),
    *("PUR-001", "PUR-002", "PUR-006"),
)
CODE_OF_RULE: dict[str, int] = {rule: code for code, rule in enumerate(ROW_RULES)}


def count_row_findings(totals: Iterable[RuleTotal]) -> int:
    """How many findings are about rows."""
    return sum(total.count for total in totals if total.id in CODE_OF_RULE)


#: A number cell gets at most one finding of these rules: the first one in this order that it breaks.
NUMBER_PRECEDENCE: tuple[str, ...] = tuple(
    f"NUM-{number:03d}" for number in (1, 3, 2, 6, 4, 5, 7, 11, 12, 8, 13, 9, 10, 14, 15)
)
