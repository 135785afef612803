"""The operator's policy: the thresholds and switches of the rules, with their defaults."""

import re
from dataclasses import dataclass
from typing import Literal

MiB = 1 << 20
GiB = 1 << 30

#: A region, in the policy and in businesses.yaml. Any other spelling would match no number, and reject them all.
REGION_PATTERN = re.compile("[A-Z]{2}")
REGION_EXPECTED = "two capital letters such as US"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Thresholds and switches of the rules. Each field is the `LAUNCHDROP_POLICY_*` setting of the same name."""

    max_manifest_bytes: int = MiB  # MAN-011
    max_removed_percent: float = 20  # MAN-019
    past_start: Literal["launch", "reject"] = "launch"  # SCH-004
    display_max: int = 32  # DSP-001
    shorthand_max: int = 15  # DSP-002
    prohibited_terms: tuple[str, ...] | None = None  # DSP-006; None: the built-in list
    call_reason_max: int = 60  # RSN-001
    max_file_bytes: int = 8 * GiB  # CSV-006
    toll_free: Literal["allow", "reject"] = "allow"  # NUM-013
    regions: tuple[str, ...] = ("US", "PR", "VI", "GU", "AS", "MP")  # NUM-014; a business can have its own


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCaps:
    """How many findings a report keeps: of each rule, and in all. Totals are never capped."""

    per_rule: int = 200
    shown: int = 5000
