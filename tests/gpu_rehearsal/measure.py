"""Peak memory of a training step: on the fake device, and of the same step on the CPU as PyTorch's profiler has it.

python -m gpu_rehearsal.measure CONFIG
"""

import json
import sys
import warnings

import torch

from i2vda_mmseg.apis.gpu_check.clock import peak_bytes
from i2vda_mmseg.apis.gpu_check.methods import blank_batches, build_steps
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.rehearsal.memory import peak_memory


def on_the_cpu(path):
    """Bytes at the peak of the second step: what was there before it, and what the allocator adds and frees in it."""
    steps = build_steps(path, 'float32', 'cpu', blank_batches(path))
    steps.step(0)
    return peak_bytes(lambda: steps.step(1), steps.model, steps.optimizers, 'cpu')


def main():
    warnings.simplefilter('ignore')
    torch.set_num_threads(1)
    config = load_config(sys.argv[1])
    fake = peak_memory(config).total  # first: autograd counts the devices once, at its first backward pass
    json.dump(dict(fake=fake, cpu=on_the_cpu(sys.argv[1])), sys.stdout)


if __name__ == '__main__':
    main()
