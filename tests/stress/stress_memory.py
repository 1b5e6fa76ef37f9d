"""A long run needs no more memory than a short one: ``make stress``."""

from pathlib import Path

from stress import runs

ITERATIONS, SETTLED = 2000, 200


def memory_of(process):
    """Read what a process occupies now, and at most so far, in MiB."""
    lines = dict(line.split(':', 1) for line in Path(f'/proc/{process.pid}/status').read_text().splitlines())
    return tuple(int(lines.get(key, '0 kB').split()[0]) / 1024 for key in ('VmRSS', 'VmHWM'))


def sampled(config, work_dir):
    """Train, and read the memory every now and then; returns (iteration, now, at most so far)."""
    process, samples, known = runs.start(config, work_dir), [], runs.logs_of(work_dir)

    def sample():
        reading = memory_of(process)
        if reading[1]:  # nothing is left to read of a process that has ended
            samples.append((runs.iterations_logged(work_dir, known), *reading))

    runs.wait_for(sample, process, seconds=7200, pause=1)
    assert process.returncode == 0, Path(work_dir).with_suffix('.log').read_text()[-4000:]
    return samples


def test_peak_memory_is_flat_after_the_first_iterations(tmp_path):
    """Copies of M', the launch of L_tc, checkpoints and validations all come before and after iteration 200."""
    options = {'train_cfg.val_interval': 100, 'default_hooks.proxy_copy.interval': 50}
    config = runs.write_config(tmp_path, iterations=ITERATIONS, interval=100, **options)
    samples = sampled(config, tmp_path / 'work')
    assert samples[-1][0] > 0.95 * ITERATIONS
    for step in range(SETTLED, ITERATIONS, SETTLED):
        iteration, now, peak = next(sample for sample in samples if sample[0] >= step)
        runs.say(f'iteration {iteration}: {now:.1f} MiB, at most {peak:.1f} MiB')
    settled = next(peak for iteration, _, peak in samples if iteration >= SETTLED)
    end = samples[-1][2]
    runs.say(f'peak after {SETTLED} iterations {settled:.1f} MiB, at the end {end:.1f} MiB: {end / settled - 1:+.2%}')
    assert end <= 1.02 * settled
