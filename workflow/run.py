"""Run a command as the only one that changes the results of this checkout; `make` starts Snakemake through it.

    python workflow/run.py snakemake argument ...
    python workflow/run.py any other command

A lock file (flock, `.run.lock`) is held from here to the end of the command: a second run is refused and told who is
running. A run that was killed gives it back, whatever it was killed with; what it left behind is then cleared away:

* jobs that survived it, and would go on writing into the same files, are ended (also those in the queue of Slurm);
* Snakemake's own lock is opened (not where a Snakemake that was started by hand is at work: then this run is refused);
* files that it had begun to write are removed (`.<process>.<name>`, never under the name of a result);
* what was left incomplete runs again, which is Snakemake's work (`rerun-incomplete` in the profiles).

A run whose `make` was killed is taken to be killed. Processes are found by an environment variable that jobs inherit.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import psutil

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / ".run.lock"
MARK = "PREACTIVATIONS_RUN_OF"  # environment variable: the checkout that a process works for
# how names of its jobs in the queue of Slurm begin
SLURM_NAME = f"preactivations-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}"
_GRACE = 5  # seconds between asking a process to end and ending it


def processes() -> Iterator[psutil.Process]:
    """Those of this user, without this one and those that started it."""
    us = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        if process.pid not in us:
            yield process


def survivors() -> list[psutil.Process]:
    """Processes of runs of this checkout."""
    found = []
    for process in processes():
        try:
            if process.environ().get(MARK) == str(ROOT):
                found.append(process)
        except (psutil.Error, OSError):  # gone, or of another user
            continue
    return found


def end(victims: list[psutil.Process]) -> None:
    for act in (psutil.Process.terminate, psutil.Process.kill):
        for process in victims:
            try:
                act(process)
            except psutil.NoSuchProcess:
                continue
        _, victims = psutil.wait_procs(victims, _GRACE)
    if victims:
        sys.exit(f"run: processes of an earlier run do not end: {', '.join(str(p.pid) for p in victims)}")


def by_hand() -> psutil.Process | None:
    """A Snakemake that works in this checkout and was not started here."""
    for process in processes():
        try:
            ours = process.environ().get(MARK) == str(ROOT)
            if not ours and process.cwd() == str(ROOT) and "snakemake" in " ".join(process.cmdline()[:3]):
                return process
        except (psutil.Error, OSError):
            continue
    return None


def makes() -> list[tuple[int, float]]:
    """Process id and start of each `make` above this process."""
    parents = psutil.Process().parents()
    return [(p.pid, p.create_time()) for p in parents if p.name() in ("make", "gmake")]


def _alive(pid: int, started: float) -> list[psutil.Process]:
    """The process, or nothing: ids are used again."""
    try:
        process = psutil.Process(pid)
        lives = process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < 1
    except psutil.NoSuchProcess:
        return []
    return [process] if lives else []


def acquire() -> int:
    """The lock as a file descriptor; ends this program where a run is alive."""
    try:
        lock = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        sys.exit(
            f"run: {LOCK} can't be opened ({error.strerror}): results are kept in the checkout, which must be writable"
        )
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _holder(lock)
        if all(_alive(pid, started) for pid, started in holder.get("makes", [])):
            refuse(f"another run is at work here: {_named(holder)}")
        print(f"run: the make of an earlier run was killed; ending it: {_named(holder)}", flush=True)
        end([*survivors(), *_alive(holder["pid"], holder["started"])])
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            refuse(f"another run is at work here: {_named(_holder(lock))}")
    record = {
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
        "host": os.uname().nodename,
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "command": " ".join(sys.argv[1:]),
        "makes": makes(),
    }
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps(record).encode(), 0)
    return lock


def _holder(lock: int) -> dict[str, Any]:
    try:
        record = json.loads(os.pread(lock, 1 << 16, 0))
    except ValueError:  # it is being written
        return {}
    return record if isinstance(record, dict) else {}


def _named(holder: dict[str, Any]) -> str:
    if not holder:
        return "it has just begun"
    return f"process {holder['pid']} on {holder['host']} since {holder['since']}"


def refuse(reason: str) -> NoReturn:
    sys.exit(f"run: {reason}; wait for it or stop it. Nothing was changed.")


def clear_away(snakemake: list[str]) -> None:
    """What a killed run left behind."""
    if _profile(snakemake) == "slurm" and shutil.which("squeue"):
        cancel_slurm_jobs()
    if left := survivors():
        print(f"run: ending {len(left)} processes of a run that was killed", flush=True)
        end(left)
    if any((ROOT / ".snakemake" / "locks").glob("*")):
        if other := by_hand():
            refuse(f"a Snakemake that was started by hand is at work here, process {other.pid}")
        print("run: unlocking after a run that was killed", flush=True)
        unlocked = subprocess.run(
            [sys.executable, "-m", "snakemake", "--unlock", *_configuration(snakemake)],
            cwd=ROOT, env=os.environ | {MARK: str(ROOT)}, capture_output=True, text=True,
        )  # fmt: skip
        if unlocked.returncode:
            sys.exit(unlocked.stdout + unlocked.stderr)

    for top in ("data", "figures", "tables"):
        for path in list((ROOT / top).rglob(".*")):
            if re.match(r"\.\d+\.", path.name):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def cancel_slurm_jobs() -> None:
    """Jobs of earlier runs that are still in the queue: nobody would collect them."""
    command = ["squeue", "--me", "--noheader", "--format=%i %j"]
    queue = subprocess.run(command, capture_output=True, text=True)
    jobs = [line.split()[0] for line in queue.stdout.splitlines() if line.split()[1:2] and _is_ours(line)]
    if jobs:
        print(f"run: cancelling {len(jobs)} Slurm jobs of a run that was killed", flush=True)
        subprocess.run(["scancel", *jobs], check=True)
        for _ in range(60):
            queue = subprocess.run(command, capture_output=True, text=True)
            if not any(map(_is_ours, queue.stdout.splitlines())):
                return
            time.sleep(1)
        sys.exit(f"run: Slurm jobs of an earlier run do not end: {', '.join(jobs)}")


def _is_ours(line: str) -> bool:
    return line.split(maxsplit=1)[-1].startswith(SLURM_NAME)


def _profile(snakemake: list[str]) -> str:
    if "--workflow-profile" not in snakemake:
        return ""
    return Path(snakemake[snakemake.index("--workflow-profile") + 1]).name


def _configuration(snakemake: list[str]) -> list[str]:
    """--configfile with its files, which may be several, up to the next option."""
    if "--configfile" not in snakemake:
        return []
    rest = snakemake[snakemake.index("--configfile") + 1 :]
    count = next((k for k, argument in enumerate(rest) if argument.startswith("-")), len(rest))
    return ["--configfile", *rest[:count]]


def main() -> NoReturn:
    if len(sys.argv) < 2:
        sys.exit("run: say which command")
    name, *arguments = sys.argv[1:]
    os.chdir(ROOT)
    lock = acquire()
    clear_away(arguments)
    command = [name, *arguments]
    if name == "snakemake":
        own = ["--slurm-jobname-prefix", SLURM_NAME] if _profile(arguments) == "slurm" else []
        command = [sys.executable, "-m", "snakemake", *own, *arguments]
    # Snakemake's own cache stays in the checkout, which nodes of a cluster share, unless the user has one
    environment = {"XDG_CACHE_HOME": str(ROOT / ".cache")} | os.environ | {MARK: str(ROOT)}
    # the command takes the place of this process, and with it the lock: jobs do not inherit it
    os.set_inheritable(lock, True)
    os.execvpe(command[0], command, environment)


if __name__ == "__main__":
    main()
