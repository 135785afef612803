"""The READMEs are true: README.md's commands run, the settings table matches the code, links have targets."""

import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ByteSize

from flows.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
GUIDE = ROOT / "flows/operations/README.md"
PAGES = ("flows", "flows/operations", "inbox", "reports", "schemas", "tests/cases")
READMES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *(f"{page}/README.md" for page in PAGES)]


def code_blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands():
    lines = "".join(code_blocks((ROOT / "README.md").read_text(), "console")).splitlines()
    # The test runs in the clone, and `make run` is `launchdrop run` after a setup.
    return [line.replace("make run", ".venv/bin/launchdrop run") for line in lines if not line.startswith("git clone")]


def test_the_commands_in_the_readme_run_in_order(tmp_path):
    shutil.copytree(ROOT / "inbox", tmp_path / "inbox")
    (entry,) = (b for b in code_blocks((ROOT / "README.md").read_text(), "yaml") if b.startswith(" "))
    with (tmp_path / "inbox/businesses.yaml").open("a") as businesses:
        businesses.write(entry)
    assert len(commands()) >= 10
    for line in commands():
        arguments = line.replace(".venv/bin/", f"{BIN}/").split()
        done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert "Traceback" not in done.stderr, done.stderr
        # `check` exits with 1 if something is rejected, and both drops that the README checks have rejected rows. `run`
        # exits with 1 if something has begun to wait for the operator.
        expected = (1,) if " check " in line else (0, 1) if line.endswith(" run") else (0,)
        assert done.returncode in expected, (line, done.stdout, done.stderr)


def test_the_manifests_in_the_readmes_are_valid(tmp_path):
    from schemas.manifest.parse import parse_manifest

    for name in ("README.md", "inbox/README.md"):
        (manifest,) = (b for b in code_blocks((ROOT / name).read_text(), "yaml") if "manifest: 1" in b)
        read = parse_manifest(manifest.encode(), max_bytes=1 << 20, per_rule=5).manifest
        assert (read.business, read.schedule.timezone) == ("acme-bank", "America/Chicago"), name


def test_the_code_for_the_digest_gives_the_digest_of_launchdrop(tmp_path):
    (code,) = code_blocks((ROOT / "inbox/README.md").read_text(), "python")
    (tmp_path / "digest.py").write_text(code)
    digest = runpy.run_path(str(tmp_path / "digest.py"))["digest"]
    drop = ROOT / "inbox/zenith-health/2-reminders"
    done = subprocess.run([BIN / "launchdrop", "check", drop, "--json"], capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout)["submission"]["digest"] == digest(drop, ["numbers.csv", "zenith.svg"])


def settings_table():
    rows = ["| setting | default | |", "| --- | --- | --- |"]
    # General settings come before the carriers' and the rules'.
    own = [name for name in Settings.model_fields if name in Settings.__annotations__]
    for name in [*own, *(name for name in Settings.model_fields if name not in own)]:
        field = Settings.model_fields[name]
        rows.append(f"| `{PREFIX}{name.upper()}` | {format_default(field.default)} | {field.description} |")
    return "\n".join(rows)


def format_default(default):
    if default is None or default in ((), {}):
        return ""
    if hasattr(default, "total_seconds"):
        seconds = default.total_seconds()
        return next(f"`{seconds / n:g} {u}`" for n, u in ((3600, "h"), (60, "min"), (1, "s")) if seconds % n == 0)
    if isinstance(default, ByteSize):
        return f"`{default.human_readable(decimal=True, separator=' ').replace('.0', '')}`"
    return f"`{', '.join(default)}`" if isinstance(default, tuple) else f"`{default}`"


def test_the_settings_table_matches_the_code():
    text = GUIDE.read_text()
    found = re.search(r"<!-- settings -->\n(.*?)\n<!-- /settings -->", text, re.DOTALL)[1]
    assert found == settings_table(), "update it with: python -m tests.test_docs"


#: Messages in the symptom table that Prefect logs, not launchdrop.
PREFECT_MESSAGES = {"database is locked", "No module named 'flows.launch'"}


def test_the_messages_in_the_symptom_table_are_in_the_code():
    rows = re.search(r"^\| you see .*?\n\n", GUIDE.read_text(), re.MULTILINE | re.DOTALL)[0].splitlines()[2:]
    quoted = [message for row in rows for message in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    parts = {part.strip(" :,;") for message in quoted for part in re.split("…|businesses.yaml:", message)} - {""}
    assert len(parts) >= 25
    code = "".join(path.read_text() for path in (ROOT / "flows").rglob("*.py")).replace("{PREFIX}", PREFIX)
    code = re.sub(r'"\n\s*f?"', "", code)  # join messages that are split over two lines
    assert {part for part in parts if part not in code} == PREFECT_MESSAGES


@pytest.mark.parametrize("name", READMES)
def test_links_between_the_pages_have_targets(name):
    for file, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", (ROOT / name).read_text()):
        target = (ROOT / name).parent / file if file else ROOT / name
        assert target.exists(), file
        assert not anchor or anchor in anchors(target), f"{file}#{anchor}"


def test_the_glossary_names_code_that_exists():
    glossary = (ROOT / "CONTRIBUTING.md").read_text().partition("## Glossary")[2]
    names = set(re.findall(r"\(`(\w+)`\)", glossary))
    assert len(names) > 10
    code = "".join(path.read_text() for package in ("flows", "schemas") for path in (ROOT / package).rglob("*.py"))
    assert names <= set(re.findall(r"^(?:class|def) (\w+)", code, re.MULTILINE))


def anchors(page):
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_map_names_files_and_folders_that_exist():
    """A path starts at the root, in flows/ or in schemas/. A bare file name belongs to the folder named before it."""
    text = (ROOT / "flows/README.md").read_text()
    names = re.findall(r"`((?:[\w*]+/)*[\w*]+(?:\.(?:py|md|json|yaml|html)|/))`", text)
    assert len(names) > 80
    files = {path.name for package in ("flows", "schemas", "reports") for path in (ROOT / package).rglob("*.*")}
    for name in names:
        found = any(any(base.glob(name.rstrip("/"))) for base in (ROOT, ROOT / "flows", ROOT / "schemas"))
        assert found or name in files | {"businesses.yaml"}, name


if __name__ == "__main__":
    text = GUIDE.read_text()
    new = f"<!-- settings -->\n{settings_table()}\n<!-- /settings -->"
    GUIDE.write_text(re.sub(r"<!-- settings -->.*?<!-- /settings -->", lambda _: new, text, flags=re.DOTALL))
