"""A place where disks are full, folders are read-only and there is no network: namespaces of Linux, without root."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# SIOCSIFFLAGS, IFF_UP | IFF_RUNNING: notebooks talk to their kernels over the loopback
_LOOPBACK = """\
import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"lo", 0x41))
"""
_OPEN = ("unshare", "--user", "--map-root-user", "--mount", "--net")


class Sandbox:
    """Mounts that only the commands of `run` see."""

    def __init__(self, pid: int) -> None:
        self._enter = ("nsenter", f"--target={pid}", "--user", "--mount", "--net", "--preserve-credentials")
        self._root = Path(f"/proc/{pid}/root")

    def run(self, *command: str, cwd: Path, env: dict[str, str]) -> tuple[int, str]:
        """Exit status and output."""
        inside = ("sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(cwd), *command)
        done = subprocess.run([*self._enter, *inside], env=env, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def seen(self, path: Path) -> Path:
        """The way from outside to what a path is inside."""
        return self._root / path.relative_to("/")


@contextmanager
def sandbox(mounts: str) -> Iterator[Sandbox]:
    """`mounts`: shell commands."""
    probe = subprocess.run([*_OPEN, "true"], capture_output=True, text=True)
    assert probe.returncode == 0, f"namespaces of users are not allowed here: {probe.stderr}"
    script = f"set -e\n{shlex.join([sys.executable, '-c', _LOOPBACK])}\n{mounts}\necho ready\nexec sleep 3600"
    holder = subprocess.Popen(
        [*_OPEN, "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        if holder.stdout.readline() != "ready\n":
            raise RuntimeError(f"mounts failed: {holder.communicate()[1]}")
        yield Sandbox(holder.pid)
    finally:
        holder.kill()
        holder.wait()
