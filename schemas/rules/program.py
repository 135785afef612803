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
        meaning="A local time needs a UTC offset or an IANA time zone. Otherwise it could be any of several moments.",
        fix="Set schedule.timezone to an IANA name such as America/Chicago, or add the UTC offset to the time.",
    ),
    _schedule(
        id="SCH-002",
        severity="error",
        name="The end is not after the start",
        meaning="The program would be over before it starts.",
        fix="Correct the start or the end, so that the end is later.",
    ),
    _schedule(
        id="SCH-003",
        severity="error",
        name="The end is in the past",
        meaning="The program was already over when the drop was checked.",
        fix="Set an end in the future.",
    ),
    _schedule(
        id="SCH-004",
        severity="warning",
        name="The start is in the past",
        meaning="The program launches right away, unless the operator rejects starts in the past.",
        fix="Nothing to do if it should launch right away. Otherwise set a start in the future.",
    ),
    _schedule(
        id="SCH-005",
        severity="warning",
        name="The review may not be done by the start",
        meaning="A new display name needs a review, which takes a day or more. The program starts sooner than that.",
        fix="Use a display name that is already approved, or set a start at least a day away.",
    ),
    _schedule(
        id="SCH-006",
        severity="error",
        name="The clocks change at this time",
        meaning="This local time does not exist or happens twice, because the clocks change that day.",
        fix="Write the time with one of the two UTC offsets that the message shows.",
    ),
    _schedule(
        id="SCH-007",
        severity="error",
        name="The offset does not match the time zone",
        meaning="The time zone has another UTC offset at that time, so the time could mean two different moments.",
        fix="Correct the offset or the time zone, or delete one of them. Z is an offset, too: it means UTC.",
    ),
    _schedule(
        id="SCH-008",
        severity="warning",
        name="The start of a launched program cannot change",
        meaning="The launch has begun, so the start stays as it was. The rest of the revision is not affected.",
        fix="Nothing to do. To avoid this warning, write the start that the program was launched with.",
    ),
    _schedule(
        id="SCH-009",
        severity="warning",
        name="The time zone has a fixed offset",
        meaning=(
            "This name stands for one UTC offset all year, without daylight saving time. In summer that can be an hour "
            "off the local time, and the sign of names such as Etc/GMT-6 is the opposite of what it seems."
        ),
        fix="Write the IANA name of a place, such as America/New_York. If you mean the offset, there is nothing to do.",
    ),
    _display_name(
        id="DSP-001",
        severity="warning",
        name="The display name is long",
        meaning="Phones cut off long names, so the review will ask for a shorter one.",
        fix="Shorten display to the length shown.",
    ),
    _display_name(
        id="DSP-002",
        severity="warning",
        name="The shorthand is long",
        meaning="The shorthand is for small screens, so the review will ask for a shorter one.",
        fix="Shorten shorthand to the length shown.",
    ),
    _display_name(
        id="DSP-003",
        severity="error",
        name="A character is not allowed in a display name",
        meaning="Carriers only show the letters A to Z, digits, spaces and , & _ - @ * % [ ] : $ ! '.",
        fix="Replace the character at the position shown. Watch out for accents, curly quotes and long dashes.",
    ),
    _display_name(
        id="DSP-004",
        severity="error",
        name="The display name is not a name",
        meaning="A display name has to say who is calling. It cannot be blank, only digits, or a phone number.",
        fix="Write the name that customers know the business by.",
    ),
    _display_name(
        id="DSP-005",
        severity="warning",
        name="The display name asks people to do something",
        meaning="The review does not approve names with a link, an email address, a phone number or a call to action.",
        fix="Remove the link, address, number or request, and leave the name.",
    ),
    _display_name(
        id="DSP-006",
        severity="warning",
        name="The display name has a prohibited term",
        meaning="Names of government bodies and emergency services mislead people, so the review will stop this one.",
        fix="Remove the term, or be ready to show the reviewer that the business may use it.",
    ),
    _display_name(
        id="DSP-007",
        severity="warning",
        name="The display name does not resemble the business",
        meaning=(
            "It has no word in common with the business's legal name, DBA or brands, so the review will ask about it."
        ),
        fix="Start with the business's name or brand; a department can follow. Ask the operator to add a new brand.",
    ),
    _display_name(
        id="DSP-008",
        severity="warning",
        name="The display name needs a review",
        meaning=(
            "It is not approved for this business yet. The program launches on time, and shows the name once it is "
            "approved."
        ),
        fix="Nothing to do. You can also use a display name that is already approved.",
    ),
    _display_name(
        id="DSP-009",
        severity="warning",
        name="A SENTRY program shows no name",
        meaning="SENTRY programs do not brand calls, so the display name was ignored.",
        fix="Delete display_name, or choose INFORM as the type.",
    ),
    _call_reason(
        id="RSN-001",
        severity="error",
        name="The call reason is too long",
        meaning="Phones show only a short line next to the name and the logo.",
        fix="Shorten call_reason to the length shown.",
    ),
    _call_reason(
        id="RSN-002",
        severity="error",
        name="A character is not allowed in a call reason",
        meaning="Carriers only show the letters A to Z, digits, spaces and , & _ - @ * % [ ] : $ ! '.",
        fix="Replace the character at the position shown.",
    ),
    _call_reason(
        id="RSN-003",
        severity="warning",
        name="The call reason is not used",
        meaning="Only INFORM with Logo programs show a call reason.",
        fix="Delete call_reason, or choose INFORM with Logo as the type.",
    ),
    _logo(
        id="IMG-001",
        severity="error",
        name="The logo is missing",
        meaning="An INFORM with Logo program needs a logo: a file in the drop, or one from the business's gallery.",
        fix="Add an SVG file to the drop and write its name under logo, or write the name of a logo in the gallery.",
    ),
    _logo(
        id="IMG-002",
        severity="error",
        name="The logo is not a plain SVG image",
        meaning=(
            "The logo must be an SVG drawing without scripts or links. It must not load anything, and it must not take "
            "long to draw."
        ),
        fix=(
            "Export the drawing as plain SVG, without linked pictures, fonts, links or scripts. Flatten repeated parts "
            "and effects if they take long to draw."
        ),
    ),
    _logo(
        id="IMG-003",
        severity="error",
        name="The logo is too large",
        meaning="Carriers accept logos of less than 200 KB (204,800 bytes).",
        fix="Simplify the drawing, or export it without editor data, until it is smaller than 200 KB.",
    ),
    _logo(
        id="IMG-004",
        severity="error",
        name="The logo is not square",
        meaning="Phones show the logo in a square, so its width and height must be equal.",
        fix="Make the page or viewBox of the drawing square, and export it again.",
    ),
    _logo(
        id="IMG-005",
        severity="warning",
        name="The logo needs a review",
        meaning=(
            "This image is not approved for this business yet. The program launches on time, and shows it once it is "
            "approved."
        ),
        fix="Nothing to do. You can also use a logo that is already approved, unchanged.",
    ),
    _logo(
        id="IMG-006",
        severity="warning",
        name="The logo is not used",
        meaning="Only INFORM with Logo programs show a logo.",
        fix="Delete logo, or choose INFORM with Logo as the type.",
    ),
)
