"""The operator's page stays small, whatever one business sends."""

from sqlalchemy import update

from flows.ledger.core.tables import submission
from flows.ledger.programs.reviews import request_review
from flows.ledger.read.page_queries import list_held_submissions
from flows.publishing.desk import (
    MAX_BUSINESSES,
    MAX_ITEMS,
    MAX_LOGOS,
    MAX_LOGOS_COST,
    MAX_REASONS,
    build_operator_index,
)
from reports.index_pages import operator_index
from schemas.manifest.logo import measure_logo
from schemas.model.business import Business
from tests.flows.launching.programs import NOON, open_ledger
from tests.flows.sample_drops import ROWS


def ask_for_reviews(conn, business, count, **entry):
    for number in range(count):
        asset = entry | {"sha256": f"{number:064}"} if entry else {"display": f"Name {number}", "shorthand": "Name"}
        kind = {"kind": "logo" if entry else "display_name"}
        request_review(conn, business, kind | asset, submission="s", review_findings=[], now=NOON)


def build(conn, load_logo=lambda *_: None):
    return build_operator_index(conn, now=NOON, load_logo=load_logo)


def test_many_reviews_of_a_business_are_one_item_with_examples(tmp_path):
    with open_ledger(tmp_path).begin() as conn:
        ask_for_reviews(conn, "acme-bank", 500)
        ask_for_reviews(conn, "zenith-health", MAX_ITEMS)
        view = build(conn)
    [many, *few] = view.review
    assert (many.what, many.count) == ("500 display names and logos of acme-bank", 500)
    assert [example.what for example in many.examples] == ["Name 0 / Name", "Name 1 / Name", "Name 2 / Name"]
    assert many.commands == [
        "launchdrop review list --business acme-bank",
        "launchdrop review approve --business acme-bank",
        "launchdrop review reject --business acme-bank --reason …",
    ]
    assert [item.business for item in few] == ["zenith-health"] * MAX_ITEMS
    page = operator_index(view)
    assert "503 items need your attention." in page
    assert len(page) < 100_000


def test_many_held_submissions_of_a_business_say_why_and_how_to_decide(world):
    count = MAX_REASONS + 3
    for number in range(count):
        world.drop(f"acme-bank/n{number}", ROWS + "5,Survey\n", reference=f"n{number}", on_rejected_rows="hold")
    world.run()
    with world.services.ledger.begin() as conn:
        same = [item.why for item in build(conn).held]
        for row in list_held_submissions(conn)[:-1]:
            because = [f"reason {row.reference}", "rows were rejected"]
            conn.execute(update(submission).where(submission.c.seq == row.seq).values(held_because=because))
        [held] = build(conn).held
    assert same == ["rows were rejected, and on_rejected_rows is hold. The first 3 are shown."]
    assert held.why == "reason n0; rows were rejected; reason n1; and 4 more. The first 3 are shown."
    assert (held.count, held.commands) == (
        count,
        [
            "launchdrop submissions --held --business acme-bank",
            "launchdrop submissions release ID …",
            "launchdrop submissions reject ID … --reason …",
        ],
    )


def test_the_page_is_bounded_however_many_businesses_there_are(tmp_path):
    businesses = [f"b{number:03}" for number in range(MAX_BUSINESSES + 20)]
    loaded = []
    with open_ledger(tmp_path, *(Business(id=name, legal_name=name) for name in businesses)).begin() as conn:
        for business in businesses:
            ask_for_reviews(conn, business, MAX_ITEMS + 1, name="logo.svg")
        view = build(conn, lambda *logo: loaded.append(logo))
    assert len(view.review) == MAX_BUSINESSES + 1
    assert (view.review[-1].what, view.review[-1].count) == ("20 more businesses", 20 * (MAX_ITEMS + 1))
    assert len(loaded) == MAX_LOGOS


SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><!-- {} -->{}</svg>'


def test_the_logos_on_the_page_are_cheap_to_draw_together(tmp_path):
    """A tenant sends logos that are as costly as a logo may be, another one sends cheap ones."""
    costly = SVG.format("", '<path d="M0 0h1v1z"/>' * 9_000)
    cheap = SVG.format("", '<path d="M0 0h1v1z"/>')
    with open_ledger(tmp_path).begin() as conn:
        for business in ("acme-bank", "zenith-health"):
            ask_for_reviews(conn, business, MAX_ITEMS, name="logo.svg")
        view = build(conn, lambda business, _: (costly if business == "acme-bank" else cheap).encode())
    shown = [item.preview.logo for item in view.review if item.preview]
    assert shown == [cheap.encode()] * MAX_ITEMS
    assert sum(map(measure_logo, shown)) <= MAX_LOGOS_COST < measure_logo(costly.encode())


def test_a_logo_that_an_older_version_accepted_is_not_shown_if_it_breaks_a_rule_now(tmp_path):
    with open_ledger(tmp_path).begin() as conn:
        ask_for_reviews(conn, "acme-bank", 1, name="logo.svg")
        view = build(conn, lambda *_: SVG.format("", '<g id="a"><use href="#a"/></g>').encode())
    assert [item.preview for item in view.review] == [None]
