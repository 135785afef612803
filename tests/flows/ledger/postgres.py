"""A real PostgreSQL for the tests: Debian's binaries, started on a socket, gone with the session."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MISSING = "PostgreSQL's server is not installed; on Debian: apt-get install postgresql"


def binaries() -> Path | None:
    """Where initdb and pg_ctl are; the newest version first."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    plain = shutil.which("pg_ctl")
    return Path(plain).parent if plain else None


@contextmanager
def running() -> Iterator[str]:
    """The SQLAlchemy URL of a server that listens on a socket alone, without the name of a database at its end."""
    where = binaries()
    if where is None:
        raise FileNotFoundError(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="launchdrop-pg-", dir="/tmp"))
    user = "postgres" if os.getuid() == 0 else None  # the server refuses to run as root
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)

    def call(*command: str | Path) -> None:
        subprocess.run(command, check=True, user=user, cwd=folder, capture_output=True, timeout=120)

    data, options = folder / "data", f"-k {folder} -c listen_addresses= -c fsync=off"
    try:
        call(where / "initdb", "-D", data, "-U", "launchdrop", "-A", "trust", "-E", "UTF8", "--no-sync")
        call(where / "pg_ctl", "-D", data, "-l", folder / "log", "-o", options, "-w", "start")
        try:
            yield f"postgresql+psycopg://launchdrop@/{{}}?host={folder}"
        finally:
            call(where / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
