"""A real OpenSSH server on a loopback port, configured as in flows/operations/README.md, and its client."""

import grp
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

README = Path(__file__).parents[3] / "flows/operations/README.md"
#: Two accounts that every Debian has, in place of two businesses. Their password is "*", so that keys are accepted.
BUSINESSES = ("games", "news")


def require_sshd():
    """Skip the test, or fail in CI, if an OpenSSH server cannot run here."""
    missing = [name for name in ("/usr/sbin/sshd", "sftp", "ssh-keygen", "unshare", "mount") if not shutil.which(name)]
    if os.geteuid() != 0:
        missing.append("root (for chroot and bind mounts)")
    if missing:
        reason = f"cannot run an SFTP server: missing {', '.join(missing)}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


@dataclass
class Server:
    root: Path
    port: int
    process: subprocess.Popen

    def inbox(self, business):
        return self.root / "inbox" / business

    def command(self, business, *options):
        key = ("-i", self.root / "key", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR")
        known = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
        return ["sftp", *options, "-F", "none", "-b", "-", "-P", str(self.port), *key, *known, f"{business}@127.0.0.1"]

    def start(self, business, batch, *options):
        command = [str(part) for part in self.command(business, *options)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)
        process.stdin.write(batch)
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, business, batch, *options):
        """Returns (exit code, the client's output)."""
        process = self.start(business, batch, *options)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def put(self, business, batch, *options):
        code, output = self.run(business, batch, *options)
        assert code == 0, output


def block(language):
    """The only code block of this language in the README."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.M | re.S)
    return text


def write_config(root, port):
    config = block("sshd_config").replace("/srv/launchdrop", str(root)).replace("/etc/ssh/launchdrop", f"{root}/keys")
    config = config.replace("Match Group launchdrop-sftp", f"Match User {','.join(BUSINESSES)}")
    head = f"""
ListenAddress 127.0.0.1:{port}
HostKey {root}/host
PidFile none
UsePAM no
PasswordAuthentication no
Subsystem sftp internal-sftp
"""
    (root / "sshd_config").write_text(head + config)


def make_folders(root):
    """Make the folders as the README does, without accounts and mounts. Owner and group launchdrop are root here."""
    root.chmod(0o755)
    (root / "keys").mkdir(mode=0o755)
    for business in BUSINESSES:
        shutil.copy(root / "key.pub", root / "keys" / business)
        user, group = pwd.getpwnam(business).pw_uid, grp.getgrgid(pwd.getpwnam(business).pw_gid).gr_gid
        for path, uid, gid, mode in (
            (f"sftp/{business}/inbox", 0, 0, 0o755),
            (f"sftp/{business}/reports", 0, 0, 0o755),
            (f"inbox/{business}", user, 0, 0o2770),
            (f"reports/{business}", 0, group, 0o2750),
        ):
            (root / path).mkdir(parents=True)
            os.chown(root / path, uid, gid)
            (root / path).chmod(mode)


def mounts():
    """The README's mount commands for each business, for a shell in a separate mount namespace."""
    lines = [line for line in block("sh").splitlines() if line.startswith("mount ")]
    assert len(lines) == 3
    return " && ".join(line.replace("acme-bank", business) for business in BUSINESSES for line in lines)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_server():
    """Start a server. Only root can write to its folder and to the folders above it, as sshd requires."""
    root = Path(tempfile.mkdtemp(prefix="launchdrop-sftp-", dir="/var/lib"))
    for name in ("host", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / name], check=True)
    make_folders(root)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd needs it for its unprivileged process
    port = free_port()
    write_config(root, port)
    sshd = f"exec /usr/sbin/sshd -D -f {root}/sshd_config -E {root}/log"
    script = f"{mounts().replace('/srv/launchdrop', str(root))} && {sshd}"
    process = subprocess.Popen(["unshare", "-m", "sh", "-c", script])
    return Server(root, port, process)


def wait_until_up(server):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        assert server.process.poll() is None, (server.root / "log").read_text()
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", server.port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("sshd did not come up")


def stop_server(server):
    server.process.terminate()
    server.process.wait(20)
    shutil.rmtree(server.root)
