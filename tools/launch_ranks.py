"""What tools/dist_train.sh and dist_test.sh run: launch_ranks.py N TOOL [arguments of the tool], through torchrun.

One machine takes a free port; several meet at MASTER_ADDR:MASTER_PORT (or PORT), see dist_train.sh. Exit code 75: the
ranks were asked to stop; else that of the first rank that failed, and what it said.
"""

import logging
import os
import signal
import sys
from typing import Any

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main as torchrun

PREEMPTED = 75  # that of i2vda_mmseg.engine.hooks.preemption_hook, which takes seconds to import
HERE = '127.0.0.1'


def main() -> None:
    """Run torchrun, which hands SIGTERM on to the ranks and waits for them."""
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, hand_on)
    os.environ['I2VDA_LAUNCHED'] = '1'  # the ranks leave it to this process to say what is wrong
    for name in ('api', 'errors.error_handler'):  # what they say of a failed rank is said below
        logging.getLogger(f'torch.distributed.elastic.multiprocessing.{name}').setLevel(logging.CRITICAL)
    processes, *command = sys.argv[1:]
    try:
        torchrun([*meeting(os.environ), f'--nproc_per_node={processes}', *command, '--launcher', 'pytorch'])
    except SignalException as asked:
        sys.exit(PREEMPTED if asked.sigval == signal.SIGTERM else 128 + asked.sigval)
    except ChildFailedError as failed:
        rank, failure = failed.get_first_failure()
        message: Any = failure.message  # a dict where the rank has left a note
        text = message['message'] if isinstance(message, dict) else message
        print(f'rank {rank}: {text.removeprefix("RuntimeError: ")}', file=sys.stderr)
        sys.exit(failure.exitcode if failure.exitcode > 0 else 128 - failure.exitcode)


def meeting(environment: Any) -> list[str]:
    """Say where the ranks meet, as arguments of torchrun."""
    nodes, restarts = environment.get('NNODES', '1'), environment.get('MAX_RESTARTS', '0')
    address, port = environment.get('MASTER_ADDR', HERE), environment.get('MASTER_PORT') or environment.get('PORT')
    shared = [f'--nnodes={nodes}', f'--max_restarts={restarts}']
    if nodes == '1' and not port:
        return [*shared, '--rdzv_backend=c10d', f'--rdzv_endpoint={HERE}:0', f'--local_addr={HERE}']
    port = port or '29500'
    if nodes != '1' and restarts != '0':  # the machines meet anew
        run_id = environment.get('RUN_ID', 'i2vda')
        return [*shared, '--rdzv_backend=c10d', f'--rdzv_endpoint={address}:{port}', f'--rdzv_id={run_id}']
    rank = environment.get('NODE_RANK', '0')
    return [*shared, f'--node_rank={rank}', f'--master_addr={address}', f'--master_port={port}']


def hand_on(number: int, frame: Any) -> None:
    """Take SIGUSR1 and SIGUSR2, which torchrun does not know, for SIGTERM."""
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == '__main__':
    main()
