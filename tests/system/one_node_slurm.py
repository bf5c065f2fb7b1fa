"""A real Slurm on this machine alone: munged, slurmctld and slurmd on loopback, in a folder of their own.

Nothing of a Slurm that may be installed here is read or changed: configuration, key, sockets, ports, state and logs are
in the folder, and clients find them by the environment that `one_node` yields. Needs no root; the programs are those of
Debian's slurm-wlm and munge.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "sinfo", "scontrol")
_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
_CONFIGURATION = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
MinJobAge=3600
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 NodeHostname={host} CPUs={cpus} RealMemory={memory_mb} Gres=gpu:1 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def missing_programs() -> list[str]:
    return [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _until(condition: Callable[[], object], what: str, folder: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            logs = "\n".join(f"{log.name}:\n{log.read_text()[-3000:]}" for log in folder.glob("*.log"))
            raise RuntimeError(f"{what} did not come up in {seconds:g} s\n{logs}")
        time.sleep(0.1)


def _has_connection(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex(str(path)) == 0


@contextmanager
def one_node(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which `sbatch` and the others talk to this Slurm; what was started is stopped in the end."""
    memory_mb = psutil.virtual_memory().total // 2**20 - 512
    assert memory_mb > 6000, f"the largest job asks for 6000 MB, here are {memory_mb}"
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)  # munge wants nobody else to write there
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    controller, node = _free_ports(2)
    host = socket.gethostname().split(".")[0]
    configuration = folder / "slurm.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            host=host, controller=controller, node=node, user=getpass.getuser(), folder=folder,
            cpus=len(os.sched_getaffinity(0)), memory_mb=memory_mb,
        )
    )  # fmt: skip
    # a graphics card in name only, to see that jobs wait for it
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")
    # the job steps of Snakemake's executor drop the variables of Slurm, this one too, and then start srun
    srun = folder / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={configuration} exec {shutil.which("srun", path=_PATH)} "$@"\n')
    srun.chmod(0o755)
    environment = os.environ | {"PATH": f"{srun.parent}:{_PATH}", "SLURM_CONF": str(configuration)}
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> None:
        with (folder / f"{command[0]}.out.log").open("wb") as out:
            started.append(
                subprocess.Popen(
                    ("setpriv", "--pdeathsig=TERM", *command), env=environment, stdin=subprocess.DEVNULL, stdout=out,
                    stderr=subprocess.STDOUT, start_new_session=True,
                )
            )  # fmt: skip

    def answers(*command: str) -> str:
        run = subprocess.run(command, env=environment, capture_output=True, text=True)
        return run.stdout if run.returncode == 0 else ""

    try:
        start(
            "munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket",
            f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed",
        )  # fmt: skip
        _until(lambda: _has_connection(folder / "munge.socket"), "munged", folder)
        start("slurmctld", "-D", "-f", str(configuration))
        start("slurmd", "-D", "-f", str(configuration), "-N", host)
        _until(lambda: "idle" in answers("sinfo", "--noheader", "--format=%t"), "the node", folder)
        yield environment
    finally:
        answers("scancel", "--user", getpass.getuser())
        for process in reversed(started):
            process.terminate()
        for process in started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
