"""Parsing businesses.yaml: values, or one line that says what is wrong."""

import pytest
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st

from schemas.manifest.businesses_yaml import BusinessesError, parse_businesses
from schemas.model.business import Business, DisplayName

CONTRACT = """
businesses:
  acme-bank:                          # the folder's name: [a-z0-9][a-z0-9-]{0,62}
    legal_name: Acme Bank, N.A.
    dba: Acme Bank                    # optional, as all below
    brands: [Acme]
    business_units: [Collections, Cards]
    display_names:                    # approved
      - {display: Acme Bank, shorthand: Acme Bank}
    logos: [acme.svg]                 # image gallery, approved: files in inbox/_logos/<business>/
    regions: [US, PR]                 # overrides the policy
    contacts: [ops@acme.example]      # mail addresses, or URLs of other channels
  no-1: {legal_name: No}
"""


def test_the_example_in_the_contract():
    assert parse_businesses(CONTRACT.encode()) == (
        Business(
            id="acme-bank",
            legal_name="Acme Bank, N.A.",
            dba="Acme Bank",
            brands=("Acme",),
            business_units=("Collections", "Cards"),
            display_names=(DisplayName(display="Acme Bank", shorthand="Acme Bank"),),
            logos=("acme.svg",),
            regions=("US", "PR"),
            contacts=("ops@acme.example",),
        ),
        Business(id="no-1", legal_name="No"),
    )


@pytest.mark.parametrize("content", [b"businesses:\n", b"businesses: {}\n", b"businesses: null\n"])
def test_no_businesses_yet(content):
    assert parse_businesses(content) == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Line 1, column 1: the file is empty."),
        (b"businesses: [", "Line 2, column 1: a bracket or brace is never closed, or a comma is missing inside it."),
        (b"busineses: {}\n", 'line 1: "busineses" is not a known key. Did you mean businesses?'),
        (
            b"businesses: [a]\n",
            "line 1: businesses must be keys and values, with one key for each business: its folder name, not a list.",
        ),
        (
            b"businesses:\n  Acme: {legal_name: A}\n",
            'line 2: "Acme" must be a folder name of 1 to 63 characters (a-z, 0-9, -).',
        ),
        (b"businesses:\n  a:\n", "line 2: businesses.a is blank."),
        (b"businesses:\n  a: null\n", "line 2: businesses.a is null, which means no value."),
        (b"businesses:\n  a: {legal_name: ~}\n", "line 2: businesses.a.legal_name is ~, which means no value."),
        (
            b"businesses:\n  a:\n    legal_name: A\n    brands: [null]\n",
            "line 4: businesses.a.brands[0] is null, which means no value.",
        ),
        (
            b"businesses:\n  a:\n    legal_name: &Co Acme\n",
            "line 3: businesses.a.legal_name: YAML drops &Co, which it takes for an anchor that nothing uses; put the "
            'whole value in quotes. Did you mean "&Co Acme"?',
        ),
        (
            b"businesses:\n  a:\n    legal_name: 'A's'\n    brands:\n      - @A\n",
            "line 3: businesses.a.legal_name: a quotation mark inside the value ends it; put the whole value in quotes "
            'of the other kind. Did you mean "A\'s"? (1 more)',
        ),
        (
            "businesses:\n\u00a0 a:\n    legal_name: A\n".encode(),
            "Line 2, column 1: a no-break space (U+00A0) in the indentation; type normal spaces.",
        ),
        (b"businesses:\n  a: {dba: A}\n", "line 2: businesses.a.legal_name is missing."),
        (
            b"businesses:\n  a: {legal_name: A}\n  a: {legal_name: B}\n",
            'line 3: "a" appears twice; line 2 was used.',
        ),
        (
            b"businesses:\n  a: {legal_name: A, regions: [USA]}\n",
            'line 2: Each item of businesses.a.regions must be two capital letters such as US, not "USA".',
        ),
        (
            b"businesses:\n  a: {legal_name: A, contacts: [call me]}\n",
            'line 2: Each item of businesses.a.contacts must be an email address or a URL, not "call me".',
        ),
        (
            b"businesses:\n  a: {legal_name: A, logos: [../a.svg]}\n",
            'line 2: "../a.svg" in businesses.a.logos must be a plain file name.',
        ),
        (
            b"businesses:\n  a: {legal_name: A, brands: [[x]]}\n",
            "line 2: businesses.a.brands must be a list of texts of up to 200 characters.",
        ),
        (
            b"businesses:\n  a: {legal_name: A, display_names: [Acme]}\n",
            "line 2: Each item of businesses.a.display_names must have display and shorthand.",
        ),
    ],
)
def test_an_error_is_one_line_about_the_first_fault(content, message):
    with pytest.raises(BusinessesError) as error:
        parse_businesses(content)
    assert str(error.value) == message


def test_a_null_is_the_same_as_no_key():
    (business,) = parse_businesses(b"businesses:\n  a: {legal_name: A, dba: null, brands: ~, regions: , logos: Null}\n")
    assert business == Business(id="a", legal_name="A")
    assert business.regions is None


@seed(1)
@settings(max_examples=200, deadline=None, database=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
@example(b"businesses: {a: {legal_name: [}}")
def test_any_bytes_give_businesses_or_one_line(content):
    try:
        parse_businesses(content)
    except BusinessesError as error:
        lines = str(error).splitlines()
    else:
        lines = ["read"]
    assert len(lines) == 1
