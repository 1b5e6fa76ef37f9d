"""How long a command takes to start: CPU seconds of importing this package over those of what it stands on.

Each import is made in a process of its own, in turn; the ratio is the median over the rounds.

    python benchmarks/startup.py [--rounds 5]
"""

import argparse
import statistics
import subprocess
import sys

OURS, THEIRS = 'import i2vda_mmseg', 'import mmseg.models, mmengine.runner'
TIMED = 'import time; start = time.process_time(); {}; print(time.process_time() - start)'


def main() -> None:
    """Print both and their ratio."""
    parser = argparse.ArgumentParser(description='Time the start of a command')
    parser.add_argument('--rounds', type=int, default=5)
    rounds = [(cpu_seconds(OURS), cpu_seconds(THEIRS)) for _ in range(parser.parse_args().rounds)]
    ours, theirs = (statistics.median(column) for column in zip(*rounds))
    print(f'{OURS}: {ours:.2f} CPU-s; {THEIRS}: {theirs:.2f} CPU-s')
    print(f'ratio {statistics.median(a / b for a, b in rounds):.3f}')


def cpu_seconds(statement: str) -> float:
    """Time a statement in a fresh process, in seconds of it on a core."""
    command = [sys.executable, '-W', 'ignore', '-c', TIMED.format(statement)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


if __name__ == '__main__':
    main()
