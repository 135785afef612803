"""Which zone is suggested for a name that is not an IANA zone. A suggestion never has another clock."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tzlocal.windows_tz import win_tz

from schemas.manifest.times.fixed_offset_zones import LEGACY_ZONES, offset_of_reversed_zone
from schemas.manifest.times.places import ZONE_OF_PLACE
from schemas.manifest.times.time_zones import have_same_clock, load_zone, zone_names
from schemas.manifest.times.zone_suggestions import explain_unknown_zone

#: Zones whose names mean what they say.
ZONES = sorted(name for name in zone_names() - LEGACY_ZONES.keys() if offset_of_reversed_zone(name) is None)


def suggest(name):
    return explain_unknown_zone(name).suggestion


@pytest.mark.parametrize(
    ("names", "zone"),
    [
        (
            "EST, EDT, ET, Eastern, eastern time, US Eastern, America/EST, Eastern Time (US & Canada)",
            "America/New_York",
        ),
        ("CST, CDT, CT, Central Time Zone, Central Daylight Time, US/Central Time", "America/Chicago"),
        ("(UTC-06:00) Central Time (US & Canada), UTC-5 (CDT), GMT-0600 (Central Standard Time)", "America/Chicago"),
        ("MDT, MT, Mountain", "America/Denver"),
        ("PST, PDT, PT, Pacific Standard Time", "America/Los_Angeles"),
        ("AKST, AKDT, Alaska", "America/Anchorage"),
        ("HST, hst, Hawaii, US/Honolulu, America/Honolulu", "Pacific/Honolulu"),
        ("ChST, America/Guam", "Pacific/Guam"),
        ("SST, American Samoa", "Pacific/Pago_Pago"),
        ("AST, America/Puerto Rico", "America/Puerto_Rico"),
        ("america/chicago, AMERICA/CHICAGO, America/Chigaco, America/Chcago, Amercia/Chicago", "America/Chicago"),
        ("America/New York, America/NewYork, New York City, America/Boston, US/Miami", "America/New_York"),
        ("US/Chicago, America/Houston, America/St._Louis, Saint Louis, America/Сhicago", "America/Chicago"),
        ("Canada/Toronto, America/Ottawa", "America/Toronto"),
        ("US Mountain Standard Time, America/Tucson, US/Phoenix", "America/Phoenix"),
        ("Central Standard Time (Mexico)", "America/Mexico_City"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("z, Zulu Time, UTC+0, GMT+00:00, utc", "UTC"),
    ],
)
def test_the_zone_that_was_meant(names, zone):
    assert {name: suggest(name) for name in names.split(", ")} == dict.fromkeys(names.split(", "), zone)


@pytest.mark.parametrize(
    "name",
    [
        # Offsets: Etc/GMT-6 would be UTC+6.
        *("GMT-6", "UTC+5", "GMT+05:30", "UTC−6", "UTC -06:00", "-06:00", "+6", "etc/gmt-6", "Etc/UTC-6", "UTC-11"),
        # The name and the offset before it disagree.
        *("GMT-6 New York", "(UTC-07:00) Central Time (US & Canada)"),
        # Names of two places, or near the name of another place.
        *("America/Portland", "US/Washington", "America/San_Jose", "America/San_Juan", "America/London", "US/Texas"),
        *("America/Monterey", "America/Cordova", "America/Rome", "America/St_John", "America/Cheyene", "Europe/Yalta"),
        *("Europe/Munich", "mst", "Samoa Standard Time", "Canada/CST", "Dateline Standard Time"),
        # No zones at all.
        *("../../etc/passwd", "/etc/localtime", "Factory", "localtime", "UTC+25", "America", "", "US/", "?" * 100),
    ],
)
def test_nothing_is_suggested_where_it_could_be_wrong(name):
    assert suggest(name) is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("America/Houston", '"America/Houston" is not an IANA time zone name such as America/Chicago.'),
        (
            "GMT+05:30",
            '"GMT+05:30" is a UTC offset, not a time zone. Delete timezone and write the offset with each time, as in '
            "2027-01-04T09:00+05:30, or use an IANA name such as America/Chicago.",
        ),
        (
            "America/Сhicago",
            '"America/Сhicago" is not an IANA time zone name such as America/Chicago: it has a Cyrillic capital letter '
            'es (U+0421) instead of "C" at position 9.',
        ),
        (
            "AST",
            '"AST" is not an IANA time zone name such as America/Chicago. For Atlantic Canada, write America/Halifax.',
        ),
    ],
)
def test_the_message(name, message):
    assert explain_unknown_zone(name).message == message


@pytest.mark.parametrize("name", sorted(win_tz))
def test_every_name_of_windows(name):
    is_place = not win_tz[name].startswith("Etc/") and name != "Samoa Standard Time"
    assert suggest(name) == (win_tz[name] if is_place else "UTC" if name == "UTC" else None)


def test_every_place_has_a_zone():
    assert {zone for zone in ZONE_OF_PLACE.values() if load_zone(zone) is None} == set()


@given(st.sampled_from(ZONES), st.sampled_from([str.lower, str.upper, str.swapcase, lambda name: f" {name} "]))
def test_another_spelling_of_a_zone_has_its_clock(zone, spell):
    assert have_same_clock(suggest(spell(zone.replace("_", " "))), zone)


@settings(max_examples=300)
@given(st.data(), st.sampled_from([zone for zone in ZONES if "/" in zone]))  # WET without its first letter is ET
def test_a_misspelled_zone_never_becomes_one_with_another_clock(data, zone):
    place = data.draw(st.integers(0, len(zone) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz/_-+0"))
    misspelled = zone[:place] + data.draw(st.sampled_from(["", letter, letter + zone[place]])) + zone[place + 1 :]
    suggestion = suggest(misspelled)
    assert suggestion is None or misspelled in zone_names() or have_same_clock(suggestion, zone)


@settings(max_examples=300)
@given(st.text(max_size=40) | st.from_regex(r"(Etc/)?(UTC|GMT)? ?[+-][0-9]{1,2}(:[0-9]{2})?", fullmatch=True))
def test_a_suggestion_can_always_be_used(name):
    suggestion = suggest(name)
    assert suggestion is None or (load_zone(suggestion) and offset_of_reversed_zone(suggestion) is None)
