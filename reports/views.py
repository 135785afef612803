"""What each rendered thing is made from: frozen values that a flow fills from a judgment and the ledger.

Every instant is aware; pages show it in UTC and, where a program gives a time zone, in that zone too. `now` is the
moment of rendering, from which "time left" is counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from schemas.model.findings import Finding
from schemas.model.judgment import Counts, Judgment, Verdict
from schemas.model.lifecycle import Branding, State

ReceiptOutcome = Literal["registered", "duplicate", "incomplete"]
HeldOutcome = Literal["dismissed", "replaced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionChanges:
    """How this revision differs from the one before it: in numbers, and in its dates where they moved."""

    number: int
    added: int = 0
    removed: int = 0
    changed: int = 0  # re-purposed
    start_before: datetime | None = None
    end_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineComparison:
    """The rejections compared with those of an earlier submission; a row is the same by its content."""

    submission: str
    fixed: int
    remaining: int
    new: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedNumber:
    """A number the carrier refused at launch, and the carrier's reason."""

    number: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSubmission:
    """An earlier submission of the same program."""

    id: str
    received_at: datetime
    verdict: Verdict
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionView:
    """One submission's report.

    `business`, `reference` and `drop` are None for a bare numbers CSV. `dry_run` says that nothing was registered.
    `history` is oldest first and leaves this submission out. `refused` is what the carrier refused so far, cut by the
    caller; `refused_total` is not. `logo` is an SVG's bytes, shown through `<img>` only. `reassigned_from` and
    `reassigned_to` name programs of this business alone. `decided` is what became of a held one that was not released;
    `reason` is the operator's own word on it.
    """

    id: str
    digest: str
    received_at: datetime
    now: datetime
    judgment: Judgment
    business: str | None = None
    legal_name: str | None = None
    reference: str | None = None
    drop: str | None = None
    dry_run: bool = False
    state: State | None = None
    branding: Branding | None = None
    scheduled_start: datetime | None = None
    revision: RevisionChanges | None = None
    baseline: BaselineComparison | None = None
    history: Sequence[PastSubmission] = ()
    refused: Sequence[RefusedNumber] = ()
    refused_total: int = 0
    reassigned_from: Sequence[str] = ()
    reassigned_to: Sequence[str] = ()
    logo: bytes | None = None
    decided: HeldOutcome | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView:
    """The short acknowledgement of a drop. An incomplete one has findings and neither verdict nor counts.

    `link` is the report's address relative to the receipt, or absolute where the site has an address. `refused` is what
    of its program's numbers the carrier refused so far, cut by the caller; `refused_total` is not.
    """

    outcome: ReceiptOutcome
    business: str
    drop: str
    received_at: datetime
    submission: str | None = None
    reference: str | None = None
    verdict: Verdict | None = None
    counts: Counts | None = None
    state: State | None = None
    branding: Branding | None = None
    scheduled_start: datetime | None = None
    digest: str | None = None
    link: str | None = None
    findings: Sequence[Finding] = ()
    refused: Sequence[RefusedNumber] = ()
    refused_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionSummary:
    """One submission in an index; `report` is the page's address relative to the index."""

    id: str
    received_at: datetime
    verdict: Verdict
    counts: Counts
    report: str
    reference: str | None = None
    drop: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSummary:
    """One program in an index. `timezone` is the IANA name its times are shown in.

    `refusals` are the most frequent reasons for numbers refused, each with how many.
    """

    reference: str
    revision: int
    state: State | None
    branding: Branding
    name: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    timezone: str = "UTC"
    live: int = 0
    pending: int = 0
    refused: int = 0
    refusals: Sequence[tuple[str, int]] = ()
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCount:
    """How often a rule was broken over a span of time."""

    id: str
    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessIndexView:
    """A business's page: its programs, its newest submissions, its trend. It holds nothing of another business.

    `submissions` is newest first and cut by the caller; `submissions_total` is not. `top_rules` covers 30 days.
    """

    business: str
    now: datetime
    legal_name: str | None = None
    programs: Sequence[ProgramSummary] = ()
    submissions: Sequence[SubmissionSummary] = ()
    submissions_total: int = 0
    top_rules: Sequence[RuleCount] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessSummary:
    """One business in the operator's index; `index` is its page's address relative to the operator's."""

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
    """What is in review: a display name with its shorthand, or a logo (an SVG's bytes, shown through `<img>` only)."""

    display: str = ""
    shorthand: str = ""
    logo: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionItem:
    """Something that waits for the operator, and the commands that resolve it, one of which is to be chosen.

    `what` is a business/reference, a display name or a logo; `why` one plain sentence without any phone number.
    """

    what: str
    why: str
    commands: Sequence[str]
    business: str | None = None
    since: datetime | None = None
    report: str | None = None
    preview: BrandingPreview | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingLaunch:
    """A launch that is due soon."""

    business: str
    reference: str
    revision: int
    start: datetime
    timezone: str
    numbers: int
    branding: Branding


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorIndexView:
    """The operator's page: what waits for a decision, what launches in the next 24 hours, what failed, who is there."""

    now: datetime
    businesses: Sequence[BusinessSummary] = ()
    held: Sequence[AttentionItem] = ()
    review: Sequence[AttentionItem] = ()
    failed: Sequence[AttentionItem] = ()
    tonight: Sequence[UpcomingLaunch] = ()
    paused: bool = False
    businesses_error: str | None = None
