"""Peak memory of a training step: on the fake device, and of the same step on the CPU as PyTorch's profiler has it.

python -m gpu_rehearsal.measure CONFIG
"""

import json
import sys
import tempfile
import warnings

import torch
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS
from torch.profiler import ProfilerActivity, profile

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.rehearsal.blank_data import blank_loader
from i2vda_mmseg.apis.rehearsal.memory import peak_memory


def on_the_cpu(config):
    """Bytes at the peak of the second step: what was there before it, and what the allocator adds and frees in it."""
    with tempfile.TemporaryDirectory() as folder:
        batches = iter(blank_loader(config.train_dataloader, folder))
        batch, second = next(batches), next(batches)
    model = MODELS.build(config.model).train()
    model.iteration_seed = 1
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    model.train_step(batch, wrapper)
    kept = [*model.parameters(), *model.buffers()]
    for each in wrapper.values():
        kept += [value for state in each.optimizer.state.values() for value in state.values()]
    kept = {tensor.data_ptr(): tensor.numel() * tensor.element_size() for tensor in kept if torch.is_tensor(tensor)}
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        model.train_step(second, wrapper)
    live, most = 0, 0
    for event in seen.profiler.kineto_results.events():
        if event.name() == '[memory]':
            live += event.nbytes()
            most = max(most, live)
    return sum(kept.values()) + most


def main():
    warnings.simplefilter('ignore')
    torch.set_num_threads(1)
    config = load_config(sys.argv[1])
    fake = peak_memory(config).total  # first: autograd counts the devices once, at its first backward pass
    json.dump(dict(fake=fake, cpu=on_the_cpu(load_config(sys.argv[1]))), sys.stdout)


if __name__ == '__main__':
    main()
