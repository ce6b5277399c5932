"""What a SLURM cluster lets a user submit at a time, asked before the first job is.

The executor takes a submission that SLURM refuses for a failed job: its retries are gone within seconds.
"""

import getpass
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cosalpure.errors import UserError

LIMITS = ("MaxSubmitJobsPerUser", "MaxSubmitJobsPerAccount", "GrpSubmitJobs")  # of a QOS, as sacctmgr names them
PATIENCE = 20  # seconds for an answer


def check_jobs(jobs: int | None, qos: str | None, planned: Iterable[Mapping[str, Any]]) -> None:
    """Refuse a profile's `jobs` above what SLURM lets this user submit at a time.

    Args:
        jobs: `jobs` of the profile, the most jobs that Snakemake has in SLURM's queue; None is without limit.
        qos: `slurm-qos` of the profile, which goes before that of a rule.
        planned: the resources of every planned job, `slurm_account`, `slurm_partition` and `qos` among them.

    Raises:
        UserError: one line for each limit that the planned jobs would exceed. Nothing is refused where SLURM keeps no
            accounts, or does not show them.
    """
    keys = ("slurm_account", "slurm_partition", "qos")
    kinds = Counter(tuple(its.get(key) for key in keys) for its in planned)
    counts: Counter[tuple[int, str]] = Counter()  # of the planned jobs that a limit is for
    for (account, partition, of_rule), count in kinds.items():
        for limit in _limits(account, partition, qos or of_rule):
            counts[limit] += count
    lines = [
        f"jobs: {jobs} in the profile is too much: {whose} lets you submit {limit} at a time; "
        f"set jobs: {limit}, or less while other jobs of yours are there"
        for (limit, whose), count in counts.items()
        if min(count, jobs or count) > limit
    ]
    if lines:
        raise UserError("\n".join(lines))


def _limits(account: str | None, partition: str | None, qos: str | None) -> Iterator[tuple[int, str]]:
    """Yield the limits of submissions (number, whose it is) for jobs that ask for these; None is the default."""
    fields = ("DefaultAccount", "Account", "DefaultQOS", "MaxSubmitJobs")
    for default, its_account, default_qos, most in _ask("user", getpass.getuser(), "withassoc", fields=fields):
        if its_account == (account or default):
            qos = qos or default_qos
            if most:
                yield int(most), f"account '{its_account}' (MaxSubmitJobs)"
    names = [name for name in (_partition_qos(partition), qos) if name]
    rows = {row[0]: row[1:] for row in _ask("qos", ",".join(names), fields=("Name", *LIMITS, "Flags"))} if names else {}
    names = [name for name in names if name in rows]
    if names and "OverPartQOS" in rows[names[-1]][-1]:
        names.reverse()
    for number, limit in enumerate(
        LIMITS
    ):  # the partition's QOS goes first, as in SLURM; what it leaves open, the job's
        name = next((name for name in names if rows[name][number]), None)
        if name:
            yield int(rows[name][number]), f"QOS '{name}' ({limit})"


def _partition_qos(partition: str | None) -> str | None:
    """Find the QOS of a partition, or of the default one; None if it has none."""
    lines = _output("scontrol", "--oneliner", "show", "partition", *([partition] if partition else []))
    for line in lines:
        fields = dict(item.partition("=")[::2] for item in line.split())
        if (partition or fields.get("Default") == "YES") and fields.get("QoS") not in (None, "N/A"):
            return fields["QoS"]
    return None


def _ask(*words: str, fields: tuple[str, ...]) -> list[list[str]]:
    """Read the rows that `sacctmgr show` answers; none where there is no accounting."""
    lines = _output("sacctmgr", "--noheader", "--parsable2", "show", *words, f"format={','.join(fields)}")
    rows = [line.split("|") for line in lines]
    return [row for row in rows if len(row) == len(fields)]


def _output(*command: str) -> list[str]:
    """Read the lines that a program prints; none if it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.splitlines()
