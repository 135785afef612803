"""What the operator can set: `LAUNCHDROP_*` variables, or the same names in lower case in `launchdrop.toml`.

A variable goes before the file. A wrong or unknown setting is named at start with what was expected.
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

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
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
#: Longer is a slip of the pen, and more than dates can be moved by.
_MAX_DURATION = timedelta(days=3650)
#: A socket cannot wait for longer than 24 days, and a launch that waits for its carrier for hours is none.
_MAX_CALL_DURATION = timedelta(hours=1)
_POLICY_DEFAULTS = Policy()
_CAP_DEFAULTS = FindingCaps()


class SettingsError(LaunchdropError):
    """A setting is wrong or unknown; the text names each with what was expected, one a line."""


def _parse_duration(value: object) -> object:
    """`2`, `1s`, `15 min`, `24 h`, `1d`; everything else is left to pydantic (ISO 8601: `PT15M`)."""
    if isinstance(value, str) and (m := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", value)) and m[2] in _UNITS:
        seconds = float(m[1]) * _UNITS[m[2]]
        return timedelta(seconds=seconds) if seconds <= _MAX_DURATION.total_seconds() else timedelta.max
    return value


def _bounded(longest: timedelta, said: str, *, least: timedelta = timedelta(0)) -> AfterValidator:
    """A duration of `least` to `longest`, which are `said` to the operator."""

    def bounded(value: timedelta) -> timedelta:
        if not least <= value <= longest:
            raise PydanticCustomError("duration", f"expected a duration of {said}")
        return value

    return AfterValidator(bounded)


def _split_commas(value: object) -> object:
    """A list may be written as words separated by commas: `US, PR`."""
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
#: A lease that is over at once keeps nothing, and with no time for it every launch is too late.
PositiveDuration = Annotated[
    timedelta, BeforeValidator(_parse_duration), _bounded(_MAX_DURATION, "1 s to 3650 d (ten years)", least=timedelta(seconds=1))
]
CallDuration = Annotated[
    timedelta, BeforeValidator(_parse_duration), _bounded(_MAX_CALL_DURATION, "1 ms to 1 h", least=timedelta(milliseconds=1))
]
CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]
Regions = Annotated[CommaSeparated, AfterValidator(_check_regions)]
Contacts = Annotated[CommaSeparated, AfterValidator(_check_contacts)]
Address = Annotated[str, Field(pattern=r"^https?://[^/]")]
Count = Annotated[int, Field(gt=0)]
Percent = Annotated[float, Field(ge=0, le=100)]


class PolicySettings(BaseSettings):
    """`LAUNCHDROP_POLICY_*`: the thresholds and switches of the rules, with the catalogue's defaults."""

    policy_max_manifest_bytes: Count = Field(_POLICY_DEFAULTS.max_manifest_bytes, description="MAN-011: size of a manifest")
    policy_max_removed_percent: Percent = Field(
        _POLICY_DEFAULTS.max_removed_percent, description="MAN-019: a replace that removes more of the live numbers is held"
    )
    policy_past_start: Literal["launch", "reject"] = Field(_POLICY_DEFAULTS.past_start, description="SCH-004: start in the past")
    policy_display_max: Count = Field(_POLICY_DEFAULTS.display_max, description="DSP-001: length of a display name")
    policy_shorthand_max: Count = Field(_POLICY_DEFAULTS.shorthand_max, description="DSP-002: length of a shorthand")
    policy_prohibited_terms: CommaSeparated | None = Field(
        _POLICY_DEFAULTS.prohibited_terms, description="DSP-006: terms in place of the list that comes along"
    )
    policy_call_reason_max: Count = Field(_POLICY_DEFAULTS.call_reason_max, description="RSN-001: length of a call reason")
    policy_max_file_bytes: Count = Field(_POLICY_DEFAULTS.max_file_bytes, description="CSV-006: size of a numbers file")
    policy_toll_free: Literal["allow", "reject"] = Field(_POLICY_DEFAULTS.toll_free, description="NUM-013: toll-free numbers")
    policy_regions: Regions = Field(_POLICY_DEFAULTS.regions, description="NUM-014: regions served, where a business has no own")

    @cached_property
    def policy(self) -> Policy:
        return Policy(**{f.name: getattr(self, f"policy_{f.name}") for f in dataclasses.fields(Policy)})


class CarrierSettings(BaseSettings):
    """Where launched programs go."""

    carrier: Literal["local", "http", "first_orion"] = Field("local", description="where launched programs go")
    http_url: str | None = Field(None, description="`http`: base address of the operator's endpoint")
    http_secret: SecretStr | None = Field(None, description="`http`: signing secret (Standard Webhooks, `whsec_…`)")
    http_timeout: CallDuration | None = Field(None, description="`http`: for one try of one call; 10 s where not set")
    first_orion_url: str | None = Field(None, description="`first_orion`: base address, where not the public one")
    first_orion_api_key: SecretStr | None = Field(None, description="`first_orion`: API key")
    first_orion_secret_key: SecretStr | None = Field(None, description="`first_orion`: secret key")
    first_orion_businesses: dict[str, str] | None = Field(None, description="`first_orion`: business ids, JSON object")
    first_orion_units: dict[str, str] | None = Field(
        None, description='`first_orion`: unit ids by "business/business unit", JSON object'
    )
    first_orion_codes: dict[str, str] | None = Field(
        None, description="`first_orion`: call purpose codes, JSON object; only Customer Service's is published"
    )
    first_orion_daily_calls: int | None = Field(None, description="`first_orion`: id of the daily call count range")

    @property
    def carrier_options(self) -> dict[str, Any]:
        """What is set of the carrier in use, by the carrier's own names; secrets in clear."""
        prefix = f"{self.carrier}_"
        names = (n for n in type(self).model_fields if n.startswith(prefix))
        values = {name.removeprefix(prefix): getattr(self, name) for name in names}
        return {name: _plain_value(value) for name, value in values.items() if value is not None}


def _plain_value(value: object) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value.total_seconds() if isinstance(value, timedelta) else value


class Settings(PolicySettings, CarrierSettings):
    """All settings. Places are folders, or `s3://bucket/prefix`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, toml_file=SETTINGS_FILE, extra="forbid", frozen=True, env_ignore_empty=True
    )

    inbox: str = Field("inbox", description="where drops arrive: a folder or `s3://bucket/prefix`")
    reports: str = Field("reports/out", description="where reports and receipts go; likewise")
    archive: str = Field(".launchdrop/archive", description="where the bytes of every submission are kept; likewise")
    ledger: str = Field("sqlite:///.launchdrop/ledger.db", description="SQLAlchemy URL; `postgresql+psycopg://…`")
    after_intake: Literal["keep", "empty"] = Field(
        "keep", description="`empty` clears a drop from the inbox once taken"
    )
    events: Address | None = Field(
        None, description="SQS queue URL of the bucket's events (hints; listing is the truth)"
    )
    settle: Duration = Field(timedelta(seconds=1), description="a file that did not change for this long has arrived")
    arrival_grace: Duration = Field(timedelta(minutes=15), description="what is missing after this long is told")
    launch_deadline: PositiveDuration = Field(timedelta(hours=24), description="a launch later than this is `missed`")
    on_missed_start: Literal["launch_late", "hold"] = Field(
        "launch_late",
        description="a start that passed while nothing ran: launch within the deadline, or hold after 5 min",
    )
    do_not_originate: Path | None = Field(None, description="file of numbers that must not originate calls, one a line")
    findings_per_rule: Count = Field(_CAP_DEFAULTS.per_rule, description="findings of one rule that report.json and page keep")
    findings_shown: Count = Field(_CAP_DEFAULTS.shown, description="findings that report.json and page keep in all")
    task_runner: TaskRunner = Field(
        "local",
        description="where drops are judged: `local` (this machine's cores); `dask`; a scheduler, `tcp://host:8786`",
    )
    lease: PositiveDuration = Field(timedelta(seconds=60), description="how long a silent process keeps a drop or a launch")
    site_port: Annotated[int, Field(ge=0, le=65535)] = Field(4280, description="`serve`: port of the report site")
    smtp_host: str | None = Field(None, description="nightly digest: mail server; none sends no mail")
    smtp_port: Annotated[int, Field(gt=0, le=65535)] = Field(25, description="nightly digest: its port")
    smtp_user: str | None = Field(None, description="nightly digest: user, where the server asks for one")
    smtp_password: SecretStr | None = Field(None, description="nightly digest: password")
    smtp_starttls: bool = Field(True, description="nightly digest: STARTTLS")
    smtp_from: str = Field("launchdrop@localhost", description="nightly digest: sender")
    operator_contacts: Contacts = Field((), description="nightly digest: the operator's addresses or Apprise URLs")
    log: Literal["text", "json"] = Field("text", description="form of the log on standard error")
    log_level: Literal["debug", "info", "warning", "error"] = Field("warning", description="what is logged at least")
    keep_archive: Duration | None = Field(
        None, description="`prune`: how long the bytes of a submission at rest are kept; not set: for ever"
    )
    keep_reports: Duration | None = Field(None, description="`prune`: likewise its reports; receipts always stay")
    keep_inbox: Duration | None = Field(None, description="`prune`: how long what was taken lies in the inbox")
    site_url: Address | None = Field(None, description="where the reports are published; makes links in mails absolute")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the signature is pydantic-settings'
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def for_workers(self) -> "Settings":
        """The same without secrets that only the coordinating process has a use for: the carrier's and the mail's."""
        secrets = {name: None for name, value in self if isinstance(value, SecretStr)}
        return self.model_copy(update=secrets | {"carrier": "local"})

    @property
    def caps(self) -> FindingCaps:
        return FindingCaps(per_rule=self.findings_per_rule, shown=self.findings_shown)


def load_settings() -> Settings:
    """The settings in force. Raises SettingsError, which names every wrong or unknown one."""
    try:
        settings = Settings()
    except ValidationError as e:
        raise SettingsError("\n".join(_describe_error(err["loc"], err["msg"], err["type"]) for err in e.errors())) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise SettingsError(f"{SETTINGS_FILE}: not TOML: {e}") from None
    except OSError as e:
        raise SettingsError(f"{SETTINGS_FILE}: cannot be read: {e.strerror}") from None
    if unknown := [_describe_error((name,), "", "extra_forbidden") for name in _unknown_variables()]:
        raise SettingsError("\n".join(unknown))
    return settings


def _unknown_variables() -> Iterator[str]:
    """Variables with our prefix that no setting has: a typo must not pass for a default."""
    names = Settings.model_fields
    for name in os.environ:
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).lower() not in names:
            yield name.removeprefix(PREFIX).lower()


def _describe_error(place: tuple[int | str, ...], message: str, kind: str) -> str:
    """One line for one fault; the value stays out of it, as it may be a secret."""
    name = str(place[0]) if place else ""
    shown = PREFIX + name.upper()
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(name, Settings.model_fields, n=1)
        return f"{shown}: no such setting" + (f"; did you mean {PREFIX}{near[0].upper()}?" if near else "")
    if kind.startswith("time_delta"):
        message = "expected a duration such as 1s, 15 min or 24 h"
    if kind == "string_pattern_mismatch":
        message = "expected an address that begins with http:// or https://"
    return f"{shown}: {message[:1].lower()}{message[1:]}"
