"""A real SLURM on one machine: munge, slurmctld and a slurmd a node, all in one temporary folder, GPUs pretended.

Where they are installed, slurmdbd and a MariaDB of its own keep accounts of the jobs.

    with Cluster(folder) as cluster:
        cluster.jobs()        # what squeue lists, finished jobs included
        cluster.history()     # what ran when and where, as SLURM remembers it
        cluster.accounts()    # the same, as sacct tells it

Needs root and Debian's packages slurmctld, slurmd, slurm-client and munge; `why_not` says what is missing. Accounting
needs slurmdbd and mariadb-server, too; `why_no_accounts`. Only one can run
at a time: SLURM's programs look for /etc/slurm/slurm.conf, which is a link to ours as long as the cluster lives.
"""

import ctypes
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from slurm.slurm_conf import ACCOUNTING_CONF, ACCOUNTS, CONF, DATABASE_CONF, NODE, PARTITION

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "srun", "scancel")
ACCOUNTING = ("slurmdbd", "sacct", "mariadbd", "mariadb-install-db")
SYSTEM_CONF = Path("/etc/slurm/slurm.conf")
CONTROL_PORT, ACCOUNTING_PORT, NODE_PORT = 16817, 16819, 17000
MEMORY, DATABASE_SIZE = Path("/dev/shm"), 400_000_000  # bytes
START = 30  # seconds within which the cluster must be up


def why_not():
    """Why no cluster can be started here, or an empty text."""
    missing = [name for name in PROGRAMS if _program(name) is None]
    if missing:
        return f"SLURM is not installed ({', '.join(missing)}); apt-get install slurmctld slurmd slurm-client munge"
    if os.geteuid() != 0:
        return "starting SLURM's daemons needs root"
    if SYSTEM_CONF.exists() and not (SYSTEM_CONF.is_symlink() and "is UP" not in _output("scontrol", "ping")):
        return f"{SYSTEM_CONF} is there: this machine belongs to a cluster, or another test has one running"
    return ""


def why_no_accounts():
    """Why a cluster keeps no accounts here, or an empty text."""
    missing = [name for name in ACCOUNTING if _program(name) is None]
    return f"not installed: {', '.join(missing)}; apt-get install slurmdbd mariadb-server" if missing else ""


@dataclass(frozen=True)
class Completed:
    """A job that has ended, as SLURM recorded it; times in seconds of the epoch, `gpus` it held."""

    number: str
    state: str
    nodes: str
    start: float
    end: float
    gpus: int


class Cluster:
    """Nodes n1, n2, ... of so many pretended GPUs each; up inside a `with` block, gone after it.

    Nodes of one GPU are the default partition, `gpu`; those of several are the partition `wide`.
    """

    def __init__(self, folder, gpus=(1, 1, 1), cpus=4, memory=128_000):
        self.folder, self.cpus, self.memory = Path(folder), cpus, memory
        self.gpus = {f"n{number}": count for number, count in enumerate(gpus, start=1)}
        self.processes, self.database = {}, None

    def __enter__(self):
        for name in ("munge", "state", "run", "log", "dev", *(f"spool/{node}" for node in self.gpus)):
            (self.folder / name).mkdir(parents=True, mode=0o755)
        try:
            self._configure()
            self._start_munge()
            if not why_no_accounts():
                self._start_accounting()
            self._start("slurmctld", "-D", "-f", self.conf)
            for node in self.gpus:
                self.start_node(node)
            self._until(lambda: self.states() == ["idle"] * len(self.gpus), f"{len(self.gpus)} idle nodes")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if "slurmctld" in self.processes:
            subprocess.run(["scancel", "--quiet", "--user=root"], stderr=subprocess.DEVNULL, check=False)
            end = time.monotonic() + 15
            while (left := self.active()) and time.monotonic() < end:
                time.sleep(0.2)
            _kill(shepherds(left))
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
        if self.database:
            shutil.rmtree(self.database, ignore_errors=True)
        if SYSTEM_CONF.is_symlink() and SYSTEM_CONF.readlink() == self.conf:
            SYSTEM_CONF.unlink()

    @property
    def conf(self):
        return self.folder / "slurm.conf"

    def start_node(self, node):
        """Start the daemon of `node`, or start it again after `lose_node`."""
        self._start(f"slurmd-{node}", "-D", "-N", node, "-f", self.conf)

    def lose_node(self, node):
        """End everything of `node` at once, as when its power fails: its daemon, the jobs' shepherds, the jobs."""
        found = shepherds(number for number, (where, _) in self.running().items() if where == node)
        self.processes.pop(f"slurmd-{node}").kill()
        _kill(pid for shepherd in found for pid in (shepherd, *_descendants(shepherd)))

    def states(self):
        """The state of every node, "idle" or "mixed" or "down*" or ..."""
        return _output("sinfo", "--noheader", "--Node", "--format=%t").split()

    def running(self):
        """{job number: (node, comment)} of the running jobs; the comment names Snakemake's rule and wildcards."""
        lines = _output("squeue", "--noheader", "--states=running", "--format=%i|%N|%k").splitlines()
        return {number: (node, comment) for number, node, comment in (line.split("|", 2) for line in lines)}

    def active(self):
        """The numbers of the jobs that wait or run."""
        return _output("squeue", "--noheader", "--format=%i").split()

    def history(self):
        """[Completed, ...] of all jobs that have ended."""
        return [_completed(job) for job in self.records() if job["JobState"] not in ("RUNNING", "PENDING")]

    def records(self):
        """[{"JobId": ..., "QOS": ..., "Comment": ...}, ...] of all jobs, every field as scontrol tells it."""
        lines = _output("scontrol", "show", "job", "--oneliner").splitlines()
        jobs = [dict(item.partition("=")[::2] for item in line.split() if "=" in item) for line in lines]
        return [job for job in jobs if "JobState" in job]

    def accounts(self):
        """{job number: {"State": ..., "ReqMem": ..., "ReqTRES": ..., "Comment": ...}} of all jobs, as sacct tells it."""
        fields = ("JobID", "State", "ReqMem", "ReqTRES", "Comment")
        lines = _output(
            "sacct", "--allusers", "--allocations", "--noheader", "--parsable2", f"--format={','.join(fields)}"
        )
        jobs = [dict(zip(fields, line.split("|"), strict=False)) for line in lines.splitlines()]
        return {job.pop("JobID"): job for job in jobs}

    def _configure(self):
        host = socket.gethostname().partition(".")[0]
        lines = [CONF.format(host=host, port=CONTROL_PORT, folder=self.folder)]
        if not why_no_accounts():
            lines.append(ACCOUNTING_CONF.format(port=ACCOUNTING_PORT, folder=self.folder))
            database = self.folder / "slurmdbd.conf"
            database.touch(mode=0o600)  # slurmdbd refuses one that others may read
            database.write_text(DATABASE_CONF.format(host=host, port=ACCOUNTING_PORT, folder=self.folder))
        gres = []
        for port, (node, gpus) in enumerate(self.gpus.items(), start=NODE_PORT + 1):
            lines.append(NODE.format(node=node, host=host, port=port, cpus=self.cpus, memory=self.memory, gpus=gpus))
            for gpu in range(gpus):
                device = self.folder / f"dev/{node}-gpu{gpu}"  # /dev/null by another name: any character device
                os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
                gres.append(f"NodeName={node} Name=gpu Type=fake File={device}")
        for name, default in (("gpu", True), ("wide", False)):
            nodes = ",".join(node for node, gpus in self.gpus.items() if (gpus == 1) == default)
            if nodes:
                lines.append(PARTITION.format(name=name, nodes=nodes, default="YES" if default else "NO"))
        self.conf.write_text("\n".join(lines) + "\n")
        (self.folder / "gres.conf").write_text("\n".join(gres) + "\n")
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        if SYSTEM_CONF.is_symlink():  # of a cluster that was killed
            SYSTEM_CONF.unlink()
        SYSTEM_CONF.parent.mkdir(exist_ok=True)
        SYSTEM_CONF.symlink_to(self.conf)

    def _start_munge(self):
        home = self.folder / "munge"
        key = home / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        files = {"key-file": key, "socket": home / "socket", "pid-file": home / "pid"}
        files |= {"log-file": home / "log", "seed-file": home / "seed"}
        self._start("munged", "--foreground", "--force", *(f"--{name}={path}" for name, path in files.items()))
        self._until((home / "socket").exists, "munge's socket")

    def _start_accounting(self):
        """MariaDB in a folder of its own, reached by a socket alone, and SLURM's daemon in front of it."""
        memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > DATABASE_SIZE  # its many writes wait for a disk
        self.database = tempfile.mkdtemp(prefix="database-", dir=MEMORY if memory else self.folder)
        address = self.folder / "database.socket"
        options = ["--no-defaults", f"--datadir={self.database}", "--user=root", "--innodb-log-file-size=4M"]
        install = [_program("mariadb-install-db"), *options, "--skip-test-db"]
        subprocess.run(install, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        options += [f"--socket={address}", f"--pid-file={self.folder}/run/mariadbd.pid", "--skip-networking"]
        self._start("mariadbd", *options, "--innodb-flush-log-at-trx-commit=0")
        self._until(address.exists, "MariaDB's socket")
        self._start("slurmdbd", "-D", MYSQL_UNIX_PORT=address, SLURM_CONF=self.conf)
        self._until(lambda: "local" in _output("sacctmgr", "--immediate", "add", "cluster", "local"), "accounting")
        for words in ACCOUNTS:
            subprocess.run(["sacctmgr", "--immediate", "--quiet", *words.split()], check=True)

    def _start(self, name, *arguments, **environment):
        environment = os.environ | {name: str(value) for name, value in environment.items()}
        with (self.folder / f"log/{name}.out").open("ab") as log:
            command = [_program(name.partition("-")[0]), *map(str, arguments)]
            options = {"stdout": log, "stderr": log, "stdin": subprocess.DEVNULL, "env": environment}
            self.processes[name] = subprocess.Popen(command, preexec_fn=_end_with_parent, **options)

    def _until(self, condition, what):
        end = time.monotonic() + START
        while not condition():
            if time.monotonic() > end:
                logs = "\n".join(file.read_text(errors="replace")[-1500:] for file in self.folder.glob("log/*"))
                raise RuntimeError(f"no {what} within {START} s\n{logs}")
            time.sleep(0.2)


def shepherds(jobs):
    """The processes slurmstepd that look after the steps of these job numbers; a killed slurmd leaves them alive."""
    titles, found = tuple(f"slurmstepd: [{job}." for job in jobs), []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if titles and path.read_text(errors="replace").startswith(titles):
                found.append(int(path.parent.name))
        except OSError:  # it has ended
            pass
    return found


def _program(name):
    """Daemons lie in sbin, which is not on every PATH."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def _end_with_parent():
    """So that a killed test leaves no daemons: the kernel ends this process when its parent dies."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout


def _descendants(pid):
    """The children of a process, theirs, and so on."""
    try:
        files = list(Path(f"/proc/{pid}/task").glob("*/children"))
        direct = [int(child) for file in files for child in file.read_text().split()]
    except OSError:  # it has ended
        direct = []
    return [*direct, *(other for child in direct for other in _descendants(child))]


def _kill(pids):
    for pid in list(pids):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _completed(fields):
    start, end = (seconds(fields[key]) for key in ("StartTime", "EndTime"))
    gpus = re.search(r"gpu(?::[a-z]+)?:(\d+)", fields.get("TresPerJob", "") + fields.get("TresPerNode", ""))
    return Completed(fields["JobId"], fields["JobState"], fields["NodeList"], start, end, int(gpus[1]) if gpus else 0)


def seconds(text):
    """A time as SLURM writes it; 0 for one that never came, as the start of a job cancelled while it waited."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def most_at_once(jobs):
    """The largest number of GPUs that completed jobs held at one time; SLURM's clock has whole seconds."""
    events = [(job.start, job.gpus) for job in jobs if job.start] + [(job.end, -job.gpus) for job in jobs if job.start]
    most = held = 0
    for _, change in sorted(events):  # of one second the ends come first
        held += change
        most = max(most, held)
    return most
