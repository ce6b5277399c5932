"""Configuration files of the test cluster, to be filled in by `str.format`."""

# Nodes are pretended larger than the machine (config_overrides): requests are accounted, hardware is not looked at.
# OverMemoryKill stands in for the memory cgroups of a real cluster. JobRequeue=0: Snakemake alone reruns jobs. MinJobAge:
# ended jobs stay known, also where there is no accounting daemon to ask.
CONF = """
ClusterName=local
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdSpoolDir={folder}/spool/%n
SlurmdPidFile={folder}/run/slurmd-%n.pid
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
MailProg=/bin/true
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=200
SchedulerParameters=bf_interval=5,sched_interval=5,batch_sched_delay=1
JobRequeue=0
ReturnToService=2
SlurmdTimeout=10
KillWait=5
MinJobAge=7200
SlurmdParameters=config_overrides
GresTypes=gpu
"""
ACCOUNTING_CONF = """
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge/socket
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
AccountingStorageEnforce=limits,qos
"""
ACCOUNTS = (  # of sacctmgr: root may submit without limit, or two jobs at a time
    "add account tests",
    "add qos two MaxSubmitJobsPerUser=2",
    "add user root account=tests qos=normal,two defaultqos=normal defaultaccount=tests",
)
DATABASE_CONF = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
PidFile={folder}/run/slurmdbd.pid
LogFile={folder}/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm
"""
NODE = (
    "NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} Boards=1 SocketsPerBoard=1 "
    "CoresPerSocket={cpus} ThreadsPerCore=1 RealMemory={memory} Gres=gpu:fake:{gpus} Feature={node}"
)
PARTITION = "PartitionName={name} Nodes={nodes} Default={default} MaxTime=INFINITE State=UP"
