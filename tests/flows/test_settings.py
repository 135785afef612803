"""Settings: what is read, and how invalid ones are reported."""

from datetime import timedelta

import pytest

from flows.settings import Settings, SettingsError, load_settings

ANY_DURATION = "expected a duration of 0 s to 3650 d (ten years)"
POSITIVE_DURATION = "expected a duration of 1 s to 3650 d (ten years)"
CONTACTS = "expected contacts, each an email address or a URL"
REGIONS = "expected regions, each of two capital letters such as US"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_defaults_are_those_of_the_contract():
    settings = load_settings()
    assert (settings.inbox, settings.reports, settings.archive) == ("inbox", "reports/out", ".launchdrop/archive")
    assert settings.ledger == "sqlite:///.launchdrop/ledger.db"
    assert (settings.carrier, settings.after_intake, settings.on_missed_start) == ("local", "keep", "launch_late")
    assert settings.settle == timedelta(seconds=1)
    assert settings.arrival_grace == timedelta(minutes=15)
    assert settings.launch_deadline == timedelta(hours=24)
    assert (settings.caps.per_rule, settings.caps.shown) == (200, 5000)


def test_a_variable_overrides_the_file(tmp_path, monkeypatch):
    (tmp_path / "launchdrop.toml").write_text('settle = "3s"\ninbox = "from-file"\npolicy_regions = ["US"]\n')
    monkeypatch.setenv("LAUNCHDROP_SETTLE", "5 min")
    settings = load_settings()
    assert settings.settle == timedelta(minutes=5)
    assert settings.inbox == "from-file"
    assert settings.policy.regions == ("US",)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SETTLE", "soon", "LAUNCHDROP_SETTLE: expected a duration such as 1s, 15 min or 24 h"),
        ("SETTLE", "-1", "LAUNCHDROP_SETTLE: expected a duration such as 1s, 15 min or 24 h"),
        ("SETTLE", "-PT1S", f"LAUNCHDROP_SETTLE: {ANY_DURATION}"),
        ("SETTLE", "9999999999d", f"LAUNCHDROP_SETTLE: {ANY_DURATION}"),
        ("SETTLE", "9" * 400, f"LAUNCHDROP_SETTLE: {ANY_DURATION}"),
        ("LAUNCH_DEADLINE", "1000000 d", f"LAUNCHDROP_LAUNCH_DEADLINE: {POSITIVE_DURATION}"),
        ("KEEP_ARCHIVE", "P3651D", f"LAUNCHDROP_KEEP_ARCHIVE: {ANY_DURATION}"),
        ("HTTP_TIMEOUT", "25 d", "LAUNCHDROP_HTTP_TIMEOUT: expected a duration of 1 ms to 1 h"),
        ("HTTP_TIMEOUT", "0", "LAUNCHDROP_HTTP_TIMEOUT: expected a duration of 1 ms to 1 h"),
        ("LEASE", "0", f"LAUNCHDROP_LEASE: {POSITIVE_DURATION}"),
        ("LEASE", "-PT1M", f"LAUNCHDROP_LEASE: {POSITIVE_DURATION}"),
        ("LAUNCH_DEADLINE", "0 s", f"LAUNCHDROP_LAUNCH_DEADLINE: {POSITIVE_DURATION}"),
        ("OPERATOR_CONTACTS", "not a mail", f"LAUNCHDROP_OPERATOR_CONTACTS: {CONTACTS}"),
        ("OPERATOR_CONTACTS", "ops@acme.example, slack", f"LAUNCHDROP_OPERATOR_CONTACTS: {CONTACTS}"),
        ("CARRIER", "pigeon", "LAUNCHDROP_CARRIER: input should be 'local', 'http' or 'first_orion'"),
        ("FINDINGS_SHOWN", "0", "LAUNCHDROP_FINDINGS_SHOWN: input should be greater than 0"),
        ("EVENTS", "drops", "LAUNCHDROP_EVENTS: expected a URL that starts with http:// or https://"),
        ("POLICY_TOLL_FREE", "maybe", "LAUNCHDROP_POLICY_TOLL_FREE: input should be 'allow' or 'reject'"),
        ("POLICY_REGIONS", "usa", f"LAUNCHDROP_POLICY_REGIONS: {REGIONS}"),
        ("POLICY_REGIONS", ",", f"LAUNCHDROP_POLICY_REGIONS: {REGIONS}"),
        ("SETLE", "1s", "LAUNCHDROP_SETLE: no such setting; did you mean LAUNCHDROP_SETTLE?"),
        ("XYZZY", "1s", "LAUNCHDROP_XYZZY: no such setting"),
    ],
)
def test_an_invalid_setting_is_named_with_what_was_expected(monkeypatch, name, value, message):
    monkeypatch.setenv(f"LAUNCHDROP_{name}", value)
    with pytest.raises(SettingsError) as e:
        load_settings()
    assert str(e.value) == message


def test_a_settings_file_that_is_not_text_is_an_error_of_one_line(tmp_path):
    (tmp_path / "launchdrop.toml").write_bytes('settle = "1s"'.encode("utf-16"))
    with pytest.raises(SettingsError, match=r"^launchdrop\.toml: not valid TOML: .*byte 0xff in position 0"):
        load_settings()


def test_all_invalid_settings_are_reported_together(monkeypatch):
    monkeypatch.setenv("LAUNCHDROP_SETTLE", "soon")
    monkeypatch.setenv("LAUNCHDROP_SITE_PORT", "99999")
    with pytest.raises(SettingsError) as e:
        load_settings()
    assert [line.partition(":")[0] for line in str(e.value).splitlines()] == [
        "LAUNCHDROP_SETTLE",
        "LAUNCHDROP_SITE_PORT",
    ]


def test_a_settings_file_that_is_not_toml_is_reported(tmp_path):
    (tmp_path / "launchdrop.toml").write_text("settle = \n")
    with pytest.raises(SettingsError, match=r"^launchdrop\.toml: not valid TOML: "):
        load_settings()


def test_secrets_never_show(monkeypatch):
    monkeypatch.setenv("LAUNCHDROP_HTTP_SECRET", "whsec_c2VjcmV0")
    assert "c2VjcmV0" not in repr(load_settings())


def test_lists_may_be_separated_by_commas(monkeypatch):
    monkeypatch.setenv("LAUNCHDROP_POLICY_REGIONS", "US, PR")
    assert load_settings().policy.regions == ("US", "PR")


def test_contacts_may_be_mail_addresses_or_urls(monkeypatch):
    monkeypatch.setenv("LAUNCHDROP_OPERATOR_CONTACTS", "ops@acme.example, slack://a/b/c")
    assert load_settings().operator_contacts == ("ops@acme.example", "slack://a/b/c")


def test_every_setting_has_a_description():
    assert all(field.description for field in Settings.model_fields.values())
