"""Run a command as the only one that changes the results of this checkout; `make` starts Snakemake through it.

    python workflow/run.py snakemake argument ... | any other command

A lock file (flock, `.run.lock`) is held from here to the end of the command: a second run is refused and told who is
running. A run that was killed, or whose `make` was, is cleared away: jobs that survived it are ended (also those in the
queue of Slurm), Snakemake's own lock is opened (not where a Snakemake that was started by hand is at work: then this
run is refused), and files that it had begun to write are removed (`.<process>.<name>`, never the name of a result).

Processes are found by an environment variable that jobs inherit, on this machine only: a run that was started on
another one, or in a container, is never touched.
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
from contextlib import suppress
from importlib.machinery import SourcelessFileLoader
from pathlib import Path
from typing import Any, NoReturn

import psutil
from surroundings import refusal, surroundings

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / ".run.lock"
MARK = "PREACTIVATIONS_RUN_OF"  # environment variable: the checkout that a process works for
CHECKOUT = f"{ROOT} {ROOT.stat().st_dev}:{ROOT.stat().st_ino}"  # a container may have the same path
# how names of its jobs in the queue of Slurm begin
SLURM_NAME = f"preactivations-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}"


def place() -> list[str]:
    """Where process ids mean the same: host, boot, namespace of processes."""
    boot, namespace = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    return [
        os.uname().nodename,
        *([boot.read_text(encoding="ascii"), str(namespace.readlink())] if boot.exists() else []),
    ]


def itself(pid: int) -> list[float]:
    """A process by its id and its beginning, in seconds since the boot, which no clock moves; empty if it is gone."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return [pid, round(process.create_time() - psutil.boot_time(), 2)]
    return []


def at_work() -> tuple[list[psutil.Process], list[psutil.Process]]:
    """Processes of runs of this checkout, and of Snakemake by hand in it, which their command line alone tells."""
    ours, by_hand = [], []
    us = [psutil.Process(), *psutil.Process().parents()]
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # gone, or of another user
            if process not in us and process.environ().get(MARK) == CHECKOUT:
                ours.append(process)
            elif process not in us and process.cwd() == str(ROOT):
                by_hand += [process] if "snakemake" in map(os.path.basename, process.cmdline()[:4]) else []
    return ours, by_hand


def end(victims: list[psutil.Process]) -> None:
    for act in (psutil.Process.terminate, psutil.Process.kill):
        for process in victims:
            with suppress(psutil.NoSuchProcess):
                act(process)
        _, victims = psutil.wait_procs(victims, 5)  # seconds
    if victims:
        sys.exit(f"run: processes of an earlier run do not end: {', '.join(str(p.pid) for p in victims)}")


def acquire() -> tuple[int, dict[str, Any]]:
    """The lock as a file descriptor, and the record of the run before; ends this program where a run is alive."""
    try:
        lock = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        got = _try(lock)
    except OSError as error:
        sys.exit(
            f"run: {LOCK} can't be locked ({error.strerror}): results are kept in the checkout, which must be writable "
            "and on a filesystem with locks"
        )
    if not got:
        time.sleep(0.5)  # a run that has just begun replaces the record of the run before
    before = _read(lock)
    make = before["make"] if before and before["place"] == place() else None
    if not got and make and make != itself(int(make[0])):
        print(f"run: the make of an earlier run was killed; ending it: {_named(before)}", flush=True)
        end(at_work()[0])
        got = _try(lock)
    if not got:
        refuse(f"another run is at work here: {_named(_read(lock))}")
    os.ftruncate(lock, 0)
    makes = [parent.pid for parent in psutil.Process().parents() if parent.name() in ("make", "gmake")]
    record = {"place": place(), "self": os.getpid(), "make": itself(makes[0]) if makes else None}
    record["since"] = time.strftime("%Y-%m-%d %H:%M:%S")
    os.pwrite(lock, json.dumps(record).encode(), 0)
    return lock, before


def _try(lock: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _read(lock: int) -> dict[str, Any]:
    with suppress(ValueError, TypeError):  # none yet
        return dict(json.loads(os.pread(lock, 1 << 16, 0)))
    return {}


def _named(record: dict[str, Any]) -> str:
    who = "process {self} on {place[0]} since {since}" if record else "it has just begun"
    return who.format(**record)


def refuse(reason: str) -> NoReturn:
    sys.exit(f"run: {reason}; wait for it or stop it. Nothing was changed.")


def clear_away(before: dict[str, Any]) -> None:
    """What a killed run left behind."""
    locked = any((ROOT / ".snakemake" / "locks").glob("*"))
    if locked and before and before["place"] != place():
        refuse(
            f"the last run, {_named(before)}, was not here and left Snakemake's lock: start this one there, or, if "
            "nothing of it is left, say .venv/bin/snakemake --unlock first"
        )
    cancel_slurm_jobs()
    survivors, by_hand = at_work()
    if survivors:
        print(f"run: ending {len(survivors)} processes of a run that was killed", flush=True)
        end(survivors)
    if locked and by_hand:
        refuse(f"a Snakemake that was started by hand is at work here, process {by_hand[0].pid}")
    if locked:
        from snakemake.persistence.file import FilePersistence

        print("run: unlocking after a run that was killed", flush=True)
        FilePersistence().cleanup_locks()
    # what was begun: files of jobs, and compiled modules that a full disk cut off
    for path in [path for top in ("data", "figures", "tables") for path in (ROOT / top).rglob(".*")]:
        if re.match(r"\.\d+\.", path.name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in [path for top in ("src", "workflow") for path in (ROOT / top).rglob("*.pyc")]:
        try:
            SourcelessFileLoader(path.stem, str(path)).get_code(path.stem)
        except (ImportError, EOFError, ValueError, TypeError):
            path.unlink(missing_ok=True)


def cancel_slurm_jobs() -> None:
    """Jobs of earlier runs that are still in the queue: nobody would collect them."""
    command = ["squeue", "--me", "--noheader", "--format=%i %j"]
    if not shutil.which("squeue"):
        return
    for attempt in range(60):
        queue = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
        jobs = [line.split()[0] for line in queue if line.partition(" ")[2].startswith(SLURM_NAME)]
        if not jobs:
            return
        if not attempt:
            print(f"run: cancelling {len(jobs)} Slurm jobs of a run that was killed", flush=True)
            subprocess.run(["scancel", *jobs], check=True)
        time.sleep(1)
    sys.exit("run: Slurm jobs of an earlier run do not end: see squeue --me")


def main() -> NoReturn:
    command = sys.argv[1:]
    if not command or (command[0] != "snakemake" and not shutil.which(command[0])):
        sys.exit(f"run: say which command{', not ' * bool(command)}{' '.join(command[:1])}")
    if reason := refusal(ROOT):
        sys.exit(f"run: {reason}")
    os.chdir(ROOT)
    lock, before = acquire()
    clear_away(before)
    if command[0] == "snakemake":
        own = ["--slurm-jobname-prefix", SLURM_NAME] if "profiles/slurm" in command else []
        command = [sys.executable, "-m", "snakemake", *own, *command[1:]]
    # Snakemake's own cache stays in the checkout, which nodes of a cluster share, unless the user has one
    environment = {"XDG_CACHE_HOME": str(ROOT / ".cache")} | surroundings(os.environ, ROOT) | {MARK: CHECKOUT}
    # the command takes the place of this process, and with it the lock: jobs do not inherit it
    os.set_inheritable(lock, True)
    os.execvpe(command[0], command, environment)


if __name__ == "__main__":
    main()
