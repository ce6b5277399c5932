"""`jobs` of a profile against SLURM's limits; programs of the names sacctmgr and scontrol answer from a table."""

import pytest

from cosalpure.errors import UserError
from cosalpure.slurm import check_jobs

# DefaultAccount|Account|DefaultQOS|MaxSubmitJobs
# Name|MaxSubmitJobsPerUser|MaxSubmitJobsPerAccount|GrpSubmitJobs|Flags
SACCTMGR = """#!/bin/sh
case "$4" in
user) printf 'lab|lab|normal|\\nlab|guest|short|5\\n' ;;
qos) for name in $(echo "$5" | tr , ' '); do case "$name" in
    normal) echo 'normal||||' ;;
    short) echo 'short||9||' ;;
    two) echo 'two|2||40|' ;;
    over) echo 'over|30|||OverPartQOS' ;;
    part) echo 'part|7|||' ;;
    esac done ;;
esac
"""
SCONTROL = """#!/bin/sh
[ "$4" = limited ] || echo 'PartitionName=gpu AllocNodes=ALL Default=YES QoS=N/A'
echo 'PartitionName=limited AllocNodes=ALL Default=NO QoS=part'
"""


@pytest.fixture(autouse=True)
def sacctmgr(tmp_path, monkeypatch):
    for name, text in {"sacctmgr": SACCTMGR, "scontrol": SCONTROL}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path / "sacctmgr"


def refused(*arguments):
    with pytest.raises(UserError) as caught:
        check_jobs(*arguments)
    return str(caught.value)


def test_a_qos_without_limits_takes_any_number():
    check_jobs(1000, None, [{}] * 1000)
    check_jobs(None, None, [{}] * 1000)


def test_a_limit_of_the_profile_s_qos_is_named_with_the_value_to_set():
    assert refused(100, "two", [{}] * 3) == (
        "jobs: 100 in the profile is too much: QOS 'two' (MaxSubmitJobsPerUser) lets you submit 2 at a time; "
        "set jobs: 2, or less while other jobs of yours are there"
    )
    check_jobs(2, "two", [{}] * 3)
    check_jobs(100, "two", [{}] * 2)  # no more are planned


def test_every_limit_has_one_line():
    lines = refused(100, "two", [{}] * 50).splitlines()
    assert [line.split(": ", 2)[2].split(" lets")[0] for line in lines] == [
        "QOS 'two' (MaxSubmitJobsPerUser)",
        "QOS 'two' (GrpSubmitJobs)",
    ]


def test_an_account_brings_its_own_limit_and_its_default_qos():
    lines = refused(100, None, [{"slurm_account": "guest"}] * 10).splitlines()
    assert "account 'guest' (MaxSubmitJobs) lets you submit 5" in lines[0]
    assert "QOS 'short' (MaxSubmitJobsPerAccount) lets you submit 9" in lines[1]


def test_a_rule_s_qos_counts_for_its_own_jobs():
    check_jobs(100, None, [{}] * 50 + [{"qos": "two"}] * 2)
    assert "QOS 'two' (MaxSubmitJobsPerUser)" in refused(100, None, [{}] * 50 + [{"qos": "two"}] * 3)


def test_the_qos_of_a_partition_goes_before_that_of_the_job_unless_the_job_s_overrides_it():
    jobs = [{"slurm_partition": "limited"}] * 50
    assert "QOS 'part' (MaxSubmitJobsPerUser) lets you submit 7" in refused(100, None, jobs)
    lines = refused(100, "two", jobs).splitlines()
    assert [line.split("lets you submit ")[1].split()[0] for line in lines] == ["7", "40"]
    assert "QOS 'over' (MaxSubmitJobsPerUser) lets you submit 30" in refused(100, "over", jobs)


def test_jobs_of_several_rules_count_together_for_a_limit_that_they_share():
    rules = [{"slurm_partition": "gpu"}] * 2 + [{"slurm_partition": "limited", "qos": "two"}] * 2
    check_jobs(100, None, rules)
    assert "GrpSubmitJobs" in refused(
        100, "two", [{"slurm_partition": "gpu"}] * 21 + [{"slurm_partition": "limited"}] * 20
    )


@pytest.mark.parametrize("answer", ["exit 1", "echo 'You are not running a supported accounting_storage plugin'"])
def test_a_cluster_that_tells_nothing_refuses_nothing(sacctmgr, answer):
    sacctmgr.write_text(f"#!/bin/sh\n{answer}\n")
    check_jobs(100, "two", [{}] * 50)


def test_a_cluster_without_accounting_refuses_nothing(sacctmgr, monkeypatch):
    monkeypatch.setenv("PATH", "")
    check_jobs(100, "two", [{}] * 50)
