"""What the READMEs say is so: README.md's commands run, the settings table is the code's, links lead somewhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
PAGES = ("flows", "flows/operations", "inbox", "reports", "schemas", "tests/cases")
READMES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *(f"{page}/README.md" for page in PAGES)]


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands():
    lines = "".join(blocks((ROOT / "README.md").read_text(), "console")).splitlines()
    # The clone is what this test runs in, and `make run` is `launchdrop run` behind a set-up.
    return [line.replace("make run", ".venv/bin/launchdrop run") for line in lines if not line.startswith("git clone")]


def test_every_command_of_the_readme_runs_in_its_order(tmp_path):
    shutil.copytree(ROOT / "inbox", tmp_path / "inbox")
    (entry,) = (b for b in blocks((ROOT / "README.md").read_text(), "yaml") if b.startswith(" "))
    with (tmp_path / "inbox/businesses.yaml").open("a") as businesses:
        businesses.write(entry)
    assert len(commands()) >= 10
    for line in commands():
        arguments = line.replace(".venv/bin/", f"{BIN}/").split()
        done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert "Traceback" not in done.stderr, done.stderr
        # `check` answers 1 where something is rejected: the sample and the new drop are there to show that.
        assert done.returncode == (1 if " check " in line else 0), (line, done.stdout, done.stderr)


def test_the_manifest_of_each_readme_is_one(tmp_path):
    from schemas.judge import understood

    for name in ("README.md", "inbox/README.md"):
        (manifest,) = (b for b in blocks((ROOT / name).read_text(), "yaml") if "manifest: 1" in b)
        read = understood(manifest.encode())
        assert (read.business, read.schedule.timezone) == ("acme-bank", "America/Chicago"), name


def table():
    rows = ["| setting | default | |", "| --- | --- | --- |"]
    # What everybody sets comes before the carriers' and the rules' own.
    own = [name for name in Settings.model_fields if name in Settings.__annotations__]
    for name in [*own, *(name for name in Settings.model_fields if name not in own)]:
        field = Settings.model_fields[name]
        rows.append(f"| `{PREFIX}{name.upper()}` | {shown(field.default)} | {field.description} |")
    return "\n".join(rows)


def shown(default):
    if default is None or default in ((), {}):
        return ""
    if hasattr(default, "total_seconds"):
        seconds = default.total_seconds()
        return next(f"`{seconds / n:g} {u}`" for n, u in ((3600, "h"), (60, "min"), (1, "s")) if seconds % n == 0)
    return f"`{', '.join(default)}`" if isinstance(default, tuple) else f"`{default}`"


def test_the_settings_table_is_the_code_s():
    text = (ROOT / "flows/operations/README.md").read_text()
    found = re.search(r"<!-- settings -->\n(.*?)\n<!-- /settings -->", text, re.DOTALL)[1]
    assert found == table(), "write it anew: python tests/test_docs.py"


def test_what_an_operator_sees_is_what_is_said():
    """Each text in the first column of the table by symptom is one of ours; the Prefect server's is not."""
    text = (ROOT / "flows/operations/README.md").read_text()
    rows = re.search(r"^\| you see .*?\n\n", text, re.MULTILINE | re.DOTALL)[0].splitlines()[2:]
    seen = [quoted for row in rows for quoted in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    parts = {part.strip(" :,;") for quoted in seen for part in re.split("…|businesses.yaml:", quoted)} - {""}
    assert len(parts) >= 25
    code = "".join(path.read_text() for path in (ROOT / "flows").rglob("*.py")).replace("{PREFIX}", PREFIX)
    said = re.sub(r'"\n\s*f?"', "", code)  # a text may go on in the next line
    assert {part for part in parts if part not in said} == {"database is locked"}


@pytest.mark.parametrize("name", READMES)
def test_links_between_the_pages_lead_somewhere(name):
    text = (ROOT / name).read_text()
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (ROOT / name).parent.joinpath(target).exists(), target


if __name__ == "__main__":
    page = ROOT / "flows/operations/README.md"
    text = page.read_text()
    new = f"<!-- settings -->\n{table()}\n<!-- /settings -->"
    page.write_text(re.sub(r"<!-- settings -->.*?<!-- /settings -->", lambda _: new, text, flags=re.DOTALL))
