"""What the rows' findings are called: the rules about a row, their codes, and the columns of rejections.csv."""

#: Rules about a row by their ids, in the order of a row's findings. A rule's place here is its code.
ROW_RULES: tuple[str, ...] = (
    *("CSV-010", "CSV-011", "CSV-012"),
    *(f"NUM-{number:03d}" for number in range(1, 17)),
    *(f"NUM-{number:03d}" for number in range(20, 25)),
    *("PUR-001", "PUR-002"),
)
CODE_OF_RULE: dict[str, int] = {rule: code for code, rule in enumerate(ROW_RULES)}

#: A number cell has one finding at most of these, the first that holds.
NUMBER_PRECEDENCE: tuple[str, ...] = tuple(
    f"NUM-{number:03d}" for number in (1, 3, 2, 6, 4, 5, 7, 11, 12, 8, 13, 9, 10, 14, 15)
)

REJECTION_COLUMNS: tuple[str, ...] = (
    "file",
    "row",
    "line",
    "phone_number",
    "call_purpose",
    "rule",
    "severity",
    "message",
    "fix",
    "suggestion",
)
