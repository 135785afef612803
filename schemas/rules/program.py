"""Rules about the program: its schedule, display name, call reason and logo."""

from functools import partial

from schemas.rules.rule import Rule

_schedule = partial(Rule, scope="schedule")
_display_name = partial(Rule, scope="display_name")
_call_reason = partial(Rule, scope="call_reason")
_logo = partial(Rule, scope="logo")

RULES: tuple[Rule, ...] = (
    _schedule(
        id="SCH-001",
        severity="error",
        name="The time zone is missing or unknown",
        meaning="A time of day alone names no instant: it needs a UTC offset, or a time zone by its IANA name.",
        fix="Add schedule.timezone with an IANA name such as America/Chicago, or write the time with its offset.",
    ),
    _schedule(
        id="SCH-002",
        severity="error",
        name="The end is not after the start",
        meaning="The program would be over before it begins.",
        fix="Correct the start or the end, so that the end is the later of the two.",
    ),
    _schedule(
        id="SCH-003",
        severity="error",
        name="The end is in the past",
        meaning="The program was over already when the drop was judged.",
        fix="Set an end that lies in the future.",
    ),
    _schedule(
        id="SCH-004",
        severity="warning",
        name="The start is in the past",
        meaning="The start has gone by, so the program launches at once. An operator can choose to reject it instead.",
        fix="Nothing, if it should launch at once; otherwise set a start that lies in the future.",
    ),
    _schedule(
        id="SCH-005",
        severity="warning",
        name="The review may not be done by the start",
        meaning="A new display name needs a review, which takes a day or more, and the start is sooner than that.",
        fix="Use a display name that is approved already, or start at least a day later.",
    ),
    _schedule(
        id="SCH-006",
        severity="error",
        name="The clocks change at this time",
        meaning="On the day of a daylight saving change this local time does not exist, or comes twice.",
        fix="Write the time with one of the two UTC offsets suggested.",
    ),
    _schedule(
        id="SCH-007",
        severity="error",
        name="The offset does not fit the time zone",
        meaning="The time has a UTC offset that its time zone does not have just then, so two instants could be meant.",
        fix="Correct the offset or the time zone, or delete one of them.",
    ),
    _schedule(
        id="SCH-008",
        severity="warning",
        name="The start of a live program stays",
        meaning="The program has launched, so its start cannot move any more. The rest of the revision is taken.",
        fix="Nothing; to silence this, write the start that the program launched with.",
    ),
    _display_name(
        id="DSP-001",
        severity="warning",
        name="The display name is long",
        meaning="Phones cut long names off, so the review will ask for a shorter one.",
        fix="Shorten display to the length given.",
    ),
    _display_name(
        id="DSP-002",
        severity="warning",
        name="The shorthand is long",
        meaning="The shorthand is for phones with little space, so the review will ask for a shorter one.",
        fix="Shorten shorthand to the length given.",
    ),
    _display_name(
        id="DSP-003",
        severity="error",
        name="A character is not allowed in a display name",
        meaning="Carriers show plain letters, digits, spaces and , & _ - @ * % [ ] : $ ! ' and nothing else.",
        fix="Replace the character at the position shown with an allowed one; mind curly quotes and long dashes.",
    ),
    _display_name(
        id="DSP-004",
        severity="error",
        name="The display name is no name",
        meaning="A display name must tell people who calls: it cannot be blank, all digits, or a phone number.",
        fix="Write the name by which customers know the business.",
    ),
    _display_name(
        id="DSP-005",
        severity="warning",
        name="The display name asks people to do something",
        meaning="A name that carries a link, an e-mail address or a call to action is held back by the review.",
        fix="Take the link, address or request out, and leave the name.",
    ),
    _display_name(
        id="DSP-006",
        severity="warning",
        name="The display name has a prohibited term",
        meaning="Names of government bodies and emergency services mislead people, so the review will stop this one.",
        fix="Take the term out, or be ready to show the reviewer that the business may use it.",
    ),
    _display_name(
        id="DSP-007",
        severity="warning",
        name="The display name does not resemble the business",
        meaning="It shares no word with the legal name, the trading name or a brand on record, so the review will ask.",
        fix="Put the business's name or brand first; a department may follow. New brands are added by the operator.",
    ),
    _display_name(
        id="DSP-008",
        severity="warning",
        name="The display name awaits review",
        meaning="It is not approved for this business yet. The program launches on time, and shows it once approved.",
        fix="Nothing; or use a display name that is approved already.",
    ),
    _display_name(
        id="DSP-009",
        severity="warning",
        name="A SENTRY program shows no name",
        meaning="SENTRY programs do not brand calls, so the display name given was not used.",
        fix="Delete display_name, or choose INFORM as the type.",
    ),
    _call_reason(
        id="RSN-001",
        severity="error",
        name="The call reason is too long",
        meaning="Phones show no more than a short line beside the name and the logo.",
        fix="Shorten call_reason to the length given.",
    ),
    _call_reason(
        id="RSN-002",
        severity="error",
        name="A character is not allowed in a call reason",
        meaning="Carriers show plain letters, digits, spaces and , & _ - @ * % [ ] : $ ! ' and nothing else.",
        fix="Replace the character at the position shown with an allowed one.",
    ),
    _call_reason(
        id="RSN-003",
        severity="warning",
        name="The call reason is not used",
        meaning="Only an INFORM with Logo program shows a call reason.",
        fix="Delete call_reason, or choose INFORM with Logo as the type.",
    ),
    _logo(
        id="IMG-001",
        severity="error",
        name="The logo is missing",
        meaning="An INFORM with Logo program needs a logo: a file in the drop, or one from the business's gallery.",
        fix="Name an SVG file under logo and put it into the drop, or name one from the gallery.",
    ),
    _logo(
        id="IMG-002",
        severity="error",
        name="The logo is not a plain SVG image",
        meaning="Only an SVG drawing that stands by itself is safe to show: no script, no links, nothing fetched.",
        fix="Export the drawing as plain SVG, with pictures, fonts, links and scripts taken out.",
    ),
    _logo(
        id="IMG-003",
        severity="error",
        name="The logo is too large",
        meaning="Carriers take images of less than 200 KB (204,800 bytes).",
        fix="Simplify the drawing or export it without editor data, until it is below 200 KB.",
    ),
    _logo(
        id="IMG-004",
        severity="error",
        name="The logo is not square",
        meaning="Phones show the logo in a square, so its width and height must be equal.",
        fix="Set the page or viewBox of the drawing to a square and export it again.",
    ),
    _logo(
        id="IMG-005",
        severity="warning",
        name="The logo awaits review",
        meaning="This image is not approved for this business yet. The program launches and shows it once approved.",
        fix="Nothing; or use a logo that is approved already, unchanged.",
    ),
    _logo(
        id="IMG-006",
        severity="warning",
        name="The logo is not used",
        meaning="Only an INFORM with Logo program shows a logo.",
        fix="Delete logo, or choose INFORM with Logo as the type.",
    ),
)
