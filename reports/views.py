"""What each page and document is made from: frozen values that a flow fills from a judgment and the ledger.

All datetimes are aware. Pages show them in UTC, and in the program's time zone where there is one. `now` is the time of
rendering; "time left" counts from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from schemas.model.findings import Finding
from schemas.model.judgment import Counts, Judgment, Verdict
from schemas.model.lifecycle import BrandingState, RevisionState
from schemas.model.revision import ChangeKind
from schemas.reasons import Reason

ReceiptOutcome = Literal["registered", "duplicate", "incomplete"]
HeldOutcome = Literal["dismissed", "replaced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChange:
    """A number that a revision changed. A call purpose is None where the program does not have the number."""

    kind: ChangeKind
    number: str
    purpose_before: str | None
    purpose: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionChanges:
    """How this revision differs from the previous one: its numbers, and the old dates where they changed.

    `listed` counts the lines of changes.csv; 0 if there is no such file. `shown` has the first of them.
    """

    number: int
    added: int = 0
    removed: int = 0
    changed: int = 0  # numbers with a new call purpose
    listed: int = 0
    shown: Sequence[NumberChange] = ()
    start_before: datetime | None = None
    end_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedNumber:
    """A number refused at launch, by the carrier or by launchdrop itself (NUM-022 to NUM-024), with the reason."""

    number: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSubmission:
    """A submission of the same program, for its history."""

    id: str
    received_at: datetime
    verdict: Verdict
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionView:
    """One submission's report.

    `business`, `reference` and `drop` are None for a bare numbers CSV. `dry_run`: nothing was registered. `incomplete`:
    files of the drop have not arrived; there is no submission, hence no id and no digest, and no verdict. `history` is
    oldest first, without this submission. `refused` has the numbers refused at launch so far, cut by the caller;
    `refused_total` counts all of them. `logo` is the bytes of an SVG, shown only through `<img>`. `reassigned_from` and
    `reassigned_to` name programs of this business only. `held_outcome` is how a held submission ended that was not
    released; `operator_reason` is the reason the operator gave.
    """

    id: str | None
    digest: str | None
    received_at: datetime
    now: datetime
    judgment: Judgment
    business: str | None = None
    legal_name: str | None = None
    reference: str | None = None
    drop: str | None = None
    dry_run: bool = False
    incomplete: bool = False
    state: RevisionState | None = None
    branding: BrandingState | None = None
    scheduled_start: datetime | None = None
    revision: RevisionChanges | None = None
    history: Sequence[PastSubmission] = ()
    refused: Sequence[RefusedNumber] = ()
    refused_total: int = 0
    reassigned_from: Sequence[str] = ()
    reassigned_to: Sequence[str] = ()
    logo: bytes | None = None
    held_outcome: HeldOutcome | None = None
    operator_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorDecision:
    """What the operator decided about a held submission, who did it, when, and the reason if one was given."""

    what: Literal["released", "rejected"]
    who: str
    when: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedNumber:
    """A number that the operator released after the drop was acknowledged: from its program, or one it was refused."""

    number: str
    was_in_program: bool
    at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView:
    """The short acknowledgment of a drop. An incomplete one has findings but no verdict and no counts.

    `registered` is how many numbers are in because of this drop. `reasons` says why the drop or rows of it are not in.
    `folder` is the URL of the folder with the report, relative to the receipt unless absolute. `refused` has the
    program's numbers refused at launch so far. The caller cuts these lists and `findings`; the totals count everything.
    """

    outcome: ReceiptOutcome
    business: str
    drop: str
    received_at: datetime
    submission: str | None = None
    reference: str | None = None
    verdict: Verdict | None = None
    counts: Counts | None = None
    registered: int = 0
    reasons: Sequence[Reason] = ()
    reasons_total: int = 0
    decision: OperatorDecision | None = None
    state: RevisionState | None = None
    branding: BrandingState | None = None
    scheduled_start: datetime | None = None
    digest: str | None = None
    folder: str
    findings: Sequence[Finding] = ()
    findings_total: int = 0
    refused: Sequence[RefusedNumber] = ()
    refused_total: int = 0
    released: Sequence[ReleasedNumber] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionSummary:
    """One submission in an index. `report` is its page's URL relative to the index."""

    id: str
    received_at: datetime
    verdict: Verdict
    counts: Counts
    report: str
    reference: str | None = None
    drop: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncompleteSummary:
    """One incomplete drop in an index. `why` is the first of its `problems`; `report` is relative to the index."""

    drop: str
    first_seen: datetime
    why: str
    problems: int
    report: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSummary:
    """One program in an index. `timezone` is the IANA name of the zone its times are shown in.

    `refusals` has the most common reasons for refused numbers, each with its count.
    """

    reference: str
    revision: int
    state: RevisionState | None
    branding: BrandingState
    name: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    timezone: str = "UTC"
    live: int = 0
    pending: int = 0
    refused: int = 0
    refusals: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCount:
    """How often a rule was broken in a period."""

    id: str
    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessIndexView:
    """A business's page: its programs, newest submissions and trend. It contains nothing of any other business.

    `submissions` is newest first, cut by the caller; `submissions_total` counts all. So do `incomplete` and its total,
    for drops that have not arrived completely. `problems` are about files of the business outside of drops. `top_rules`
    covers 30 days.
    """

    business: str
    now: datetime
    legal_name: str | None = None
    programs: Sequence[ProgramSummary] = ()
    submissions: Sequence[SubmissionSummary] = ()
    submissions_total: int = 0
    incomplete: Sequence[IncompleteSummary] = ()
    incomplete_total: int = 0
    problems: Sequence[str] = ()
    top_rules: Sequence[RuleCount] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessSummary:
    """One business in the operator's index. `index` is its page's URL relative to the operator's."""

    id: str
    index: str
    legal_name: str | None = None
    programs_live: int = 0
    programs_scheduled: int = 0
    numbers_live: int = 0
    submissions: int = 0
    last_received_at: datetime | None = None
    last_30_days: Counts = field(default_factory=Counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandingPreview:
    """What is in review: a display name with its shorthand, or a logo (an SVG's bytes, shown only through `<img>`)."""

    display: str = ""
    shorthand: str = ""
    logo: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionItem:
    """Something that needs the operator, with the commands to choose from, if there are any.

    `what` is a business/reference, a display name or a logo. `why` is one plain sentence without phone numbers. An item
    may stand for `count` items of a business, with some of them as `examples`.
    """

    what: str
    why: str
    commands: Sequence[str]
    business: str | None = None
    since: datetime | None = None
    report: str | None = None
    count: int = 1
    examples: "Sequence[AttentionItem]" = ()
    preview: BrandingPreview | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingLaunch:
    """A launch that is due in the next 24 hours."""

    business: str
    reference: str
    revision: int
    start: datetime
    timezone: str
    numbers: int
    branding: BrandingState


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorIndexView:
    """The operator's page: what needs a decision, what failed, what launches in 24 hours, and all businesses."""

    now: datetime
    businesses: Sequence[BusinessSummary] = ()
    held: Sequence[AttentionItem] = ()
    review: Sequence[AttentionItem] = ()
    failed: Sequence[AttentionItem] = ()
    upcoming_launches: Sequence[UpcomingLaunch] = ()
    paused: bool = False
    businesses_error: str | None = None
