"""Run a command as the only one that changes the results of this checkout; `make` starts Snakemake through it.

    python workflow/run.py snakemake argument ...
    python workflow/run.py any other command

A lock file (flock, `.run.lock`) is held from here to the end of the command: a second run is refused and told who is
running. A run that was killed gives it back, whatever it was killed with; what it left behind is then cleared away:

* jobs that survived it, and would go on writing into the same files, are ended (also those in the queue of Slurm);
* Snakemake's own lock is opened (not where a Snakemake that was started by hand is at work: then this run is refused);
* files that it had begun to write are removed (`.<process>.<name>`, never under the name of a result);
* what was left incomplete runs again, which is Snakemake's work (`rerun-incomplete` in the profiles).

A run whose `make` was killed is taken to be killed. Processes are found by an environment variable that jobs inherit,
on this machine only: a run that was started on another one, or in a container, is never touched.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import json
import marshal
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
SNAKEMAKE_LOCKS = ROOT / ".snakemake" / "locks"
# environment variable that says which checkout a process works for: not a path alone, which a container may have too
MARK = "PREACTIVATIONS_RUN_OF"
CHECKOUT = f"{ROOT} {ROOT.stat().st_dev}:{ROOT.stat().st_ino}"
# how names of its jobs in the queue of Slurm begin
SLURM_NAME = f"preactivations-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}"
_GRACE = 5  # seconds between asking a process to end and ending it

Record = dict[str, Any]


def place() -> list[str]:
    """Where process ids mean the same: host, boot, namespace of processes."""
    boot, namespace = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    return [
        os.uname().nodename,
        boot.read_text().strip() if boot.exists() else "",
        str(namespace.readlink()) if namespace.is_symlink() else "",
    ]


def started(pid: int) -> float | None:
    """When a process began, None if there is none; in ticks since the boot where there are such."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return (
            float(stat.read_text().rpartition(")")[2].split()[19]) if stat.exists() else process.create_time()
        )
    except (psutil.Error, OSError):
        return None


def lives(process: list[float] | None) -> bool:
    """Whether a process, given by its id and its beginning, is there."""
    return process is not None and started(int(process[0])) == process[1]


def itself(pid: int) -> list[float]:
    return [pid, started(pid) or 0.0]


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
            if process.environ().get(MARK) == CHECKOUT:
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
            if process.cwd() == str(ROOT) and _is_snakemake(process.cmdline()):
                return process
        except (psutil.Error, OSError):
            continue
    return None


def _is_snakemake(command: list[str]) -> bool:
    """python [options] -m snakemake, or python .../bin/snakemake."""
    if not command or not Path(command[0]).name.startswith("python"):
        return False
    module = any(pair == ("-m", "snakemake") for pair in itertools.pairwise(command))
    return module or any(Path(argument).name == "snakemake" for argument in command[1:3])


def acquire() -> tuple[int, Record]:
    """The lock as a file descriptor, and the record of the run before; ends this program where a run is alive."""
    try:
        lock = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        got = _try(lock)
    except OSError as error:
        sys.exit(
            f"run: {LOCK} can't be locked ({error.strerror}): results are kept in the checkout, which must be writable "
            "and on a filesystem with locks"
        )
    before = _read(lock)
    if not got:
        before = _of_the_living(lock)
        if before.get("place") != place() or before.get("make") is None or lives(before["make"]):
            refuse(f"another run is at work here: {_named(before)}")
        print(f"run: the make of an earlier run was killed; ending it: {_named(before)}", flush=True)
        holder = [psutil.Process(int(before["self"][0]))] if lives(before["self"]) else []
        end([*survivors(), *holder])
        if not _try(lock):
            refuse(f"another run is at work here: {_named(_of_the_living(lock))}")
    os.ftruncate(lock, 0)
    makes = [parent.pid for parent in psutil.Process().parents() if parent.name() in ("make", "gmake")]
    record = {
        "place": place(),
        "self": itself(os.getpid()),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "command": sys.argv[1:],
        "make": itself(makes[0]) if makes else None,
    }
    os.pwrite(lock, json.dumps(record).encode(), 0)
    return lock, before


def _try(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(lock: int) -> Record:
    try:
        record = json.loads(os.pread(lock, 1 << 16, 0))
    except ValueError:  # none yet
        return {}
    return record if isinstance(record, dict) and "self" in record else {}


def _of_the_living(lock: int) -> Record:
    """The record of the run that has the lock, once it has replaced that of the run before."""
    for _ in range(25):
        record = _read(lock)
        if record and (record.get("place") != place() or lives(record.get("self"))):
            return record
        time.sleep(0.2)
    return {}


def _named(record: Record) -> str:
    if not record:
        return "it has just begun"
    return f"process {record['self'][0]} on {record['place'][0]} since {record['since']}"


def refuse(reason: str) -> NoReturn:
    sys.exit(f"run: {reason}; wait for it or stop it. Nothing was changed.")


def clear_away(before: Record, command: list[str]) -> None:
    """What a killed run left behind."""
    elsewhere = bool(before) and before["place"] != place()
    locked = any(SNAKEMAKE_LOCKS.glob("*"))
    if elsewhere and locked:
        refuse(
            f"the last run, {_named(before)}, was not here and left Snakemake's lock: start this one there, or, if "
            "nothing of it is left, say .venv/bin/snakemake --unlock first"
        )
    if "slurm" in (_profile(command), _profile(before.get("command", []))) and shutil.which("squeue"):
        cancel_slurm_jobs()
    if left := survivors():
        print(f"run: ending {len(left)} processes of a run that was killed", flush=True)
        end(left)
    if locked:
        if other := by_hand():
            refuse(f"a Snakemake that was started by hand is at work here, process {other.pid}")
        print("run: unlocking after a run that was killed", flush=True)
        if command[0] == "snakemake":
            _unlock(command)
        else:
            shutil.rmtree(SNAKEMAKE_LOCKS)
    sweep()


def sweep() -> None:
    """Remove what was begun: files of jobs, and compiled modules that a full disk cut off."""
    for top in ("data", "figures", "tables"):
        for path in list((ROOT / top).rglob(".*")):
            if re.match(r"\.\d+\.", path.name):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    for top in ("src", "workflow"):
        for path in list((ROOT / top).rglob("*.pyc")):
            try:
                marshal.loads(path.read_bytes()[16:])  # after the header
            except (EOFError, ValueError, TypeError):
                path.unlink(missing_ok=True)


def _unlock(command: list[str]) -> None:
    unlocked = subprocess.run(
        [sys.executable, "-m", "snakemake", "--unlock", *_configuration(command)],
        cwd=ROOT, env=os.environ | {MARK: CHECKOUT}, capture_output=True, text=True,
    )  # fmt: skip
    if unlocked.returncode:
        sys.exit(unlocked.stdout + unlocked.stderr)


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
    lock, before = acquire()
    clear_away(before, sys.argv[1:])
    command = [name, *arguments]
    if name == "snakemake":
        own = ["--slurm-jobname-prefix", SLURM_NAME] if _profile(arguments) == "slurm" else []
        command = [sys.executable, "-m", "snakemake", *own, *arguments]
    # Snakemake's own cache stays in the checkout, which nodes of a cluster share, unless the user has one
    environment = {"XDG_CACHE_HOME": str(ROOT / ".cache")} | os.environ | {MARK: CHECKOUT}
    # the command takes the place of this process, and with it the lock: jobs do not inherit it
    os.set_inheritable(lock, True)
    os.execvpe(command[0], command, environment)


if __name__ == "__main__":
    main()
