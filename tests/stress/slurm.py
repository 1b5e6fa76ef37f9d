"""A Slurm of one machine, in a folder: no systemd, no accounting, and nothing of it is left when it has been closed."""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mmengine.hooks import Hook
from mmseg.registry import HOOKS
from stress import runs

PACKAGES = 'slurmctld slurmd slurm-client munge'  # of Debian and Ubuntu; tried with Slurm 22.05.8, munge 0.5.15
DAEMONS = ('munged', 'slurmctld', 'slurmd')
TASKS = 2

# Two character devices that every machine has stand in for GPUs: Slurm counts and hands out files, whatever they are.
GPUS = 'Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n'
CONFIG = """\
ClusterName=i2vda
SlurmctldHost={machine}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
GresTypes=gpu
ReturnToService=2
KillWait=30
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdParameters=config_overrides
NodeName={machine} NodeAddr=127.0.0.1 CPUs={cpus} Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES PriorityTier=1 GraceTime=60 State=UP
PartitionName=urgent Nodes=ALL PriorityTier=2 PreemptMode=OFF State=UP
"""


@HOOKS.register_module()
class Pause(Hook):
    """Make iterations as long as those of a large network, whatever the machine; no bit of the run changes."""

    def __init__(self, seconds):
        self.seconds = seconds

    def before_train_iter(self, *_, **__):
        time.sleep(self.seconds)


def reason_to_skip():
    """Say what is missing for a Slurm of our own; None if nothing is."""
    missing = [daemon for daemon in DAEMONS if shutil.which(daemon) is None]
    if missing:
        return f'{", ".join(missing)} not installed: apt-get install {PACKAGES}'
    return None if os.geteuid() == 0 else 'daemons that start jobs must be root'


def command(config, work_dir, *arguments):
    """Give the command that trains under Slurm."""
    return [*map(str, ('bash', 'tools/slurm_train.sh', 'main', 'street', config, '--work-dir', work_dir, *arguments))]


def log_of(work_dir):
    """Name the file for what a job says."""
    return Path(work_dir).with_suffix('.log')


class Cluster:
    """Speaks to the Slurm in ``folder``."""

    def __init__(self, folder):
        paths = f'{runs.ROOT}:{runs.ROOT / "tests"}'
        own = dict(SLURM_CONF=f'{folder}/slurm.conf', PYTHONPATH=paths, PYTHON=sys.executable, CPUS_PER_TASK='1')
        self.environment = os.environ | own | dict(OMP_NUM_THREADS='1')

    def ask(self, *words, **environment):
        """Run one of Slurm's programs, or ours; returns what it says."""
        options = dict(cwd=runs.ROOT, env=self.environment | environment, capture_output=True, text=True)
        done = subprocess.run([*map(str, words)], check=False, **options)
        assert done.returncode == 0, f'{words}: {done.stdout}{done.stderr}'
        return done.stdout.strip()

    def submit(self, config, work_dir, *arguments, limit='10', **environment):
        """Submit a training of two ranks that requeues itself, of some minutes; returns the number of the job."""
        environment |= dict(REQUEUE='1', SBATCH_ARGS=f'--time={limit} --output={log_of(work_dir)}')
        return self.ask(*command(config, work_dir, *arguments), **environment).split()[-1]

    def start(self, config, work_dir, *arguments):
        """Start a training of two ranks and stay with it."""
        with open(log_of(work_dir), 'wb') as log:
            options = dict(cwd=runs.ROOT, env=self.environment, stdout=log, stderr=log)
            return subprocess.Popen(command(config, work_dir, *arguments), **options)

    def wait_for_iterations(self, work_dir, count=3, seconds=120):
        """Wait until a training is under way."""
        until = time.monotonic() + seconds
        while runs.iterations_logged(work_dir, set()) < count:
            assert time.monotonic() < until, log_of(work_dir).read_text()[-4000:]
            time.sleep(0.1)

    def job(self, number):
        """Read what Slurm knows of a job."""
        return dict(word.split('=', 1) for word in self.ask('scontrol', 'show', 'job', number).split() if '=' in word)

    def finish(self, number, seconds=300):
        """See a job through, however often it is requeued; returns what Slurm says of it at its end.

        Slurm leaves two minutes between a job's end and its next start, which are cut short.
        """
        until = time.monotonic() + seconds
        while (job := self.job(number))['JobState'] in ('PENDING', 'RUNNING', 'COMPLETING'):
            assert time.monotonic() < until, job
            if job['JobState'] == 'PENDING' and job['Reason'] == 'BeginTime':
                self.ask('scontrol', 'update', f'JobId={number}', 'StartTime=now')
            time.sleep(1)
        return job

    def empty(self):
        """End all jobs."""
        self.ask('scancel', '--state=PENDING', '--user=root')
        self.ask('scancel', '--user=root')
        while self.ask('squeue', '--noheader', '--states=all', '--format=%T').count('ING'):
            time.sleep(0.2)


@contextmanager
def daemon(folder, *command):
    """Run a daemon in the foreground, and end it."""
    environment = os.environ | {'SLURM_CONF': f'{folder}/slurm.conf'}
    with open(folder / f'{command[0]}.log', 'wb') as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextmanager
def cluster(folder):
    """Set up a Slurm of one machine with two GPUs that are none, and take it down."""
    machine = socket.gethostname().partition('.')[0]
    for name in ('state', 'spool'):
        (folder / name).mkdir()
    (folder / 'munge.key').write_bytes(os.urandom(128))
    (folder / 'munge.key').chmod(0o600)
    text = CONFIG.format(folder=folder, machine=machine, ports=free_ports(), cpus=max(TASKS, os.cpu_count()))
    (folder / 'slurm.conf').write_text(text)
    (folder / 'gres.conf').write_text(GPUS)
    files = [f'--{kind}-file={folder}/munge.{kind}' for kind in ('key', 'log', 'pid', 'seed')]
    commands = (
        ('munged', '--foreground', '--force', f'--socket={folder}/munge.socket', *files),
        ('slurmctld', '-D', '-c'),
        ('slurmd', '-D'),
    )
    with ExitStack() as stack:
        for command in commands:
            process = stack.enter_context(daemon(folder, *command))
            if command[0] == 'munged':
                runs.wait_for((folder / 'munge.socket').exists, process, seconds=10)
        found = Cluster(folder)
        runs.wait_for(lambda: 'idle' in found.ask('sinfo', '--noheader', '--format=%T'), process, seconds=30, pause=0.2)
        stack.callback(found.empty)
        yield found


def free_ports():
    """Find two ports for the daemons."""
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(('127.0.0.1', 0))
        return first.getsockname()[1], second.getsockname()[1]
