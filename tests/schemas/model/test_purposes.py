"""Which purpose is suggested for a text that is none of the ten."""

import pytest

from schemas.model.purposes import nearest_purpose


@pytest.mark.parametrize(
    ("text", "purpose"),
    [
        ("Custmer Servise", "Customer Service"),
        ("customer_service", "Customer Service"),
        ("CustomerServices", "Customer Service"),
        ("Customer\u00a0Service", "Customer Service"),
        ("Customer  Service", "Customer Service"),
        ("\u0421harity", "Charity"),
        ("\u201cSurvey\u201d", "Survey"),
        ("Multi\u2011Use Line", "Multi-Use Line"),
        ("MultiUse Lines", "Multi-Use Line"),
        ("Informational / Notifications", "Informational/Notification"),
        ("Debt Colection", "Debt Collection"),
        ("Do Not Orginate", "Do Not Originate"),
        ("collections", "Debt Collection"),
        ("Marketing", "Telemarketing"),
        ("Prision", "Prison"),
    ],
)
def test_a_misspelled_purpose_or_another_word_for_it(text, purpose):
    assert nearest_purpose(text) == purpose


@pytest.mark.parametrize(
    "text",
    [
        *("Do Not Call", "DNC", "Do Not Contact", "Don't Call", "No Telemarketing", "Not Political"),
        *("Customer Survey", "Debt Consolidation", "Political Fundraising", "Campaign", "Multi-Line", "Person"),
        *("Survey 5012149021", "Survey\u20285012149021"),  # the number would be lost
        *("", "x", "-", "Survey" * 20),
    ],
)
def test_nothing_is_suggested_that_means_something_else(text):
    assert nearest_purpose(text) is None
