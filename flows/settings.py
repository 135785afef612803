"""The operator's settings: `LAUNCHDROP_*` environment variables, or the same names in lower case in `launchdrop.toml`.

Variables override the file. An invalid or unknown setting is reported at start, with what was expected.
"""

import dataclasses
import difflib
import os
import re
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from flows.errors import LaunchdropError
from schemas.model.business import CONTACT_EXPECTED, CONTACT_PATTERN
from schemas.model.policy import REGION_EXPECTED, REGION_PATTERN, FindingCaps, Policy

PREFIX = "LAUNCHDROP_"
SETTINGS_FILE = Path("launchdrop.toml")

_UNITS = {"": 1, "ms": 0.001, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
#: Anything longer is a typo, and may overflow when it is added to a date.
_MAX_DURATION = timedelta(days=3650)
#: A socket cannot wait for more than 24 days, and a launch should not wait for the carrier for hours.
_MAX_CALL_DURATION = timedelta(hours=1)
_POLICY_DEFAULTS = Policy()
_CAP_DEFAULTS = FindingCaps()


class SettingsError(LaunchdropError):
    """Settings are invalid or unknown. The message has one line for each, with what was expected."""


def _parse_duration(value: object) -> object:
    """Parse `2`, `1s`, `15 min`, `24 h` or `1d`. Anything else is left to pydantic, which knows ISO 8601 (`PT15M`)."""
    if isinstance(value, str) and (m := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", value)) and m[2] in _UNITS:
        seconds = float(m[1]) * _UNITS[m[2]]
        return timedelta(seconds=seconds) if seconds <= _MAX_DURATION.total_seconds() else timedelta.max
    return value


def _bounded(longest: timedelta, range_text: str, *, least: timedelta = timedelta(0)) -> AfterValidator:
    """A validator for durations from `least` to `longest`; `range_text` describes them in the error message."""

    def check_range(value: timedelta) -> timedelta:
        if not least <= value <= longest:
            raise PydanticCustomError("duration", f"expected a duration of {range_text}")
        return value

    return AfterValidator(check_range)


def _split_commas(value: object) -> object:
    """Accept a list as text with commas: `US, PR`."""
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def _check_regions(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or not all(map(REGION_PATTERN.fullmatch, value)):
        raise PydanticCustomError("regions", f"expected regions, each of {REGION_EXPECTED}")
    return value


def _check_contacts(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(map(CONTACT_PATTERN.fullmatch, value)):
        raise PydanticCustomError("contacts", f"expected contacts, each {CONTACT_EXPECTED}")
    return value


def _check_task_runner(value: str) -> str:
    if value not in ("local", "dask") and not re.fullmatch(r"(tcp|tls|ws|wss)://[^/\s]+:\d+", value):
        raise PydanticCustomError(
            "task_runner", "expected local, dask, or a scheduler's address such as tcp://host:8786"
        )
    return value


TaskRunner = Annotated[str, AfterValidator(_check_task_runner)]
Duration = Annotated[timedelta, BeforeValidator(_parse_duration), _bounded(_MAX_DURATION, "0 s to 3650 d (ten years)")]
#: For settings where zero makes no sense: such a lease would protect nothing, and every launch would be too late.
PositiveDuration = Annotated[
    timedelta,
    BeforeValidator(_parse_duration),
    _bounded(_MAX_DURATION, "1 s to 3650 d (ten years)", least=timedelta(seconds=1)),
]
CallDuration = Annotated[
    timedelta,
    BeforeValidator(_parse_duration),
    _bounded(_MAX_CALL_DURATION, "1 ms to 1 h", least=timedelta(milliseconds=1)),
]
CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]
Regions = Annotated[CommaSeparated, AfterValidator(_check_regions)]
Contacts = Annotated[CommaSeparated, AfterValidator(_check_contacts)]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^/]")]
Count = Annotated[int, Field(gt=0)]
Percent = Annotated[float, Field(ge=0, le=100)]


class PolicySettings(BaseSettings):
    """`LAUNCHDROP_POLICY_*`: limits and switches of the rules, with the defaults of the rule catalog."""

    policy_max_manifest_bytes: Count = Field(
        _POLICY_DEFAULTS.max_manifest_bytes, description="MAN-011: largest manifest in bytes"
    )
    policy_max_removed_percent: Percent = Field(
        _POLICY_DEFAULTS.max_removed_percent,
        description="MAN-019: hold a drop with `numbers_mode: replace` that removes more of the live numbers",
    )
    policy_past_start: Literal["launch", "reject"] = Field(
        _POLICY_DEFAULTS.past_start, description="SCH-004: what to do with a start in the past"
    )
    policy_display_max: Count = Field(_POLICY_DEFAULTS.display_max, description="DSP-001: longest display name")
    policy_shorthand_max: Count = Field(_POLICY_DEFAULTS.shorthand_max, description="DSP-002: longest shorthand")
    policy_prohibited_terms: CommaSeparated | None = Field(
        _POLICY_DEFAULTS.prohibited_terms, description="DSP-006: prohibited terms, instead of the built-in list"
    )
    policy_call_reason_max: Count = Field(_POLICY_DEFAULTS.call_reason_max, description="RSN-001: longest call reason")
    policy_max_file_bytes: Count = Field(
        _POLICY_DEFAULTS.max_file_bytes, description="CSV-006: largest numbers file in bytes"
    )
    policy_toll_free: Literal["allow", "reject"] = Field(
        _POLICY_DEFAULTS.toll_free, description="NUM-013: toll-free numbers"
    )
    policy_regions: Regions = Field(
        _POLICY_DEFAULTS.regions, description="NUM-014: allowed regions, for businesses without their own"
    )

    @cached_property
    def policy(self) -> Policy:
        return Policy(**{f.name: getattr(self, f"policy_{f.name}") for f in dataclasses.fields(Policy)})


class CarrierSettings(BaseSettings):
    """`LAUNCHDROP_CARRIER` and each carrier's own settings."""

    carrier: Literal["local", "http", "first_orion"] = Field("local", description="where launched programs go")
    http_url: str | None = Field(None, description="`http`: base URL of your endpoint")
    http_secret: SecretStr | None = Field(None, description="`http`: signing secret (Standard Webhooks, `whsec_…`)")
    http_timeout: CallDuration | None = Field(None, description="`http`: timeout of each try of a call; default 10 s")
    first_orion_url: str | None = Field(None, description="`first_orion`: base URL, if not the public one")
    first_orion_api_key: SecretStr | None = Field(None, description="`first_orion`: API key")
    first_orion_secret_key: SecretStr | None = Field(None, description="`first_orion`: secret key")
    first_orion_businesses: dict[str, str] | None = Field(
        None, description="`first_orion`: business ids, as a JSON object"
    )
    first_orion_units: dict[str, str] | None = Field(
        None, description='`first_orion`: unit ids by "business/business unit", as a JSON object'
    )
    first_orion_codes: dict[str, str] | None = Field(
        None,
        description="`first_orion`: codes of call purposes, as a JSON object; only Customer Service's is published",
    )
    first_orion_daily_calls: int | None = Field(None, description="`first_orion`: id of the daily call count range")

    @property
    def carrier_options(self) -> dict[str, Any]:
        """The settings of the carrier in use, by the names of its options. Secrets are in clear text."""
        prefix = f"{self.carrier}_"
        names = (n for n in type(self).model_fields if n.startswith(prefix))
        values = {name.removeprefix(prefix): getattr(self, name) for name in names}
        return {name: _plain_value(value) for name, value in values.items() if value is not None}


def _plain_value(value: object) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value.total_seconds() if isinstance(value, timedelta) else value


class Settings(PolicySettings, CarrierSettings):
    """All settings. Locations are folders or `s3://bucket/prefix`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, toml_file=SETTINGS_FILE, extra="forbid", frozen=True, env_ignore_empty=True
    )

    inbox: str = Field("inbox", description="where drops arrive: a folder or `s3://bucket/prefix`")
    reports: str = Field("reports/out", description="where reports and receipts go: a folder or `s3://bucket/prefix`")
    archive: str = Field(
        ".launchdrop/archive", description="where all submissions are kept: a folder or `s3://bucket/prefix`"
    )
    ledger: str = Field(
        "sqlite:///.launchdrop/ledger.db", description="SQLAlchemy URL: `sqlite:///…` or `postgresql+psycopg://…`"
    )
    after_intake: Literal["keep", "empty"] = Field(
        "keep", description="`empty` deletes a drop from the inbox once it is taken"
    )
    events: HttpUrl | None = Field(
        None, description="URL of the SQS queue with the inbox bucket's events, so that drops are taken at once"
    )
    settle: Duration = Field(
        timedelta(seconds=1), description="a file is complete when it has not changed for this long"
    )
    arrival_grace: Duration = Field(timedelta(minutes=15), description="missing files are reported after this time")
    launch_deadline: PositiveDuration = Field(
        timedelta(hours=24), description="a launch that is later than this is `missed`"
    )
    on_missed_start: Literal["launch_late", "hold"] = Field(
        "launch_late",
        description="if nothing ran at a program's start: `launch_late` within the deadline, or `hold` after 5 min",
    )
    do_not_originate: Path | None = Field(
        None, description="file of numbers that must not originate calls, one per line"
    )
    area_codes: Path | None = Field(
        None, description="file of area codes that open or close: `code,region,from,until`, one per line"
    )
    conflicts_per_day: Count = Field(
        1000,
        description="most numbers of other businesses that a business gets answers about in a day (NUM-022); above it, "
        "drops are held",
    )
    quota: Annotated[ByteSize, Field(gt=0)] = Field(
        ByteSize(20_000_000_000),
        description="how much one business may have in archive and reports, such as `500 MB`; above that, its "
        "submissions are held, and above twice as much, its drops wait in the inbox",
    )
    findings_per_rule: Count = Field(
        _CAP_DEFAULTS.per_rule, description="most findings of one rule in report.json and the page"
    )
    findings_shown: Count = Field(_CAP_DEFAULTS.shown, description="most findings in report.json and the page")
    task_runner: TaskRunner = Field(
        "local",
        description="where drops are judged: `local` (on this machine), `dask`, or a scheduler such as `tcp://host:8786`",
    )
    lease: PositiveDuration = Field(
        timedelta(seconds=60), description="how long a process that stopped responding keeps a drop or launch"
    )
    site_port: Annotated[int, Field(ge=0, le=65535)] = Field(4280, description="`serve`: port of the report site")
    smtp_host: str | None = Field(None, description="nightly digest: mail server; if not set, no mail is sent")
    smtp_port: Annotated[int, Field(gt=0, le=65535)] = Field(25, description="nightly digest: port of the mail server")
    smtp_user: str | None = Field(None, description="nightly digest: user, if the server needs one")
    smtp_password: SecretStr | None = Field(None, description="nightly digest: password")
    smtp_starttls: bool = Field(True, description="nightly digest: whether to use STARTTLS")
    smtp_from: str = Field("launchdrop@localhost", description="nightly digest: sender")
    operator_contacts: Contacts = Field((), description="nightly digest: the operator's addresses or Apprise URLs")
    log: Literal["text", "json"] = Field("text", description="format of the log on standard error")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="lowest level that is logged"
    )
    keep_archive: Duration | None = Field(
        None, description="`prune`: how long to keep a submission in the archive once it is over; if not set, forever"
    )
    keep_reports: Duration | None = Field(None, description="`prune`: the same for its reports; receipts always stay")
    keep_inbox: Duration | None = Field(None, description="`prune`: how long to keep a taken drop in the inbox")
    site_url: HttpUrl | None = Field(None, description="public URL of the reports, for links in mails")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the signature comes from pydantic-settings
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def for_workers(self) -> "Settings":
        """A copy for worker processes, without secrets they do not need: the carrier's and the mail server's."""
        secrets = {name: None for name, value in self if isinstance(value, SecretStr)}
        return self.model_copy(update=secrets | {"carrier": "local"})

    @property
    def caps(self) -> FindingCaps:
        return FindingCaps(per_rule=self.findings_per_rule, shown=self.findings_shown)


def load_settings() -> Settings:
    """Read the settings. Raises SettingsError, which names every invalid or unknown one."""
    try:
        settings = Settings()
    except ValidationError as e:
        raise SettingsError(
            "\n".join(_describe_error(err["loc"], err["msg"], err["type"]) for err in e.errors())
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise SettingsError(f"{SETTINGS_FILE}: not valid TOML: {e}") from None
    except OSError as e:
        raise SettingsError(f"{SETTINGS_FILE}: cannot be read: {e.strerror}") from None
    if unknown := [_describe_error((name,), "", "extra_forbidden") for name in _unknown_variables()]:
        raise SettingsError("\n".join(unknown))
    return settings


def _unknown_variables() -> Iterator[str]:
    """Variables with our prefix that are not settings. A typo must not silently mean the default."""
    names = Settings.model_fields
    for name in os.environ:
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).lower() not in names:
            yield name.removeprefix(PREFIX).lower()


def _describe_error(location: tuple[int | str, ...], message: str, kind: str) -> str:
    """One line for one error, without the value, which may be a secret."""
    name = str(location[0]) if location else ""
    variable = PREFIX + name.upper()
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(name, Settings.model_fields, n=1)
        return f"{variable}: no such setting" + (f"; did you mean {PREFIX}{near[0].upper()}?" if near else "")
    if kind.startswith("time_delta"):
        message = "expected a duration such as 1s, 15 min or 24 h"
    if kind.startswith("byte_size"):
        message = "expected a size such as 500 MB or 20 GB"
    if kind == "string_pattern_mismatch":
        message = "expected a URL that starts with http:// or https://"
    return f"{variable}: {message[:1].lower()}{message[1:]}"
