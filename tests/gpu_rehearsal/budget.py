"""How often a training iteration may wait for the device, between two lines of the log, hooks included."""

# By a part of the line that waits, whatever the method: how often at most, and why.
ALLOWED = {
    "sample.metainfo['t']": (1, 't of I_t, drawn in a data worker: a few bytes, for which no kernel is waited for'),
    'flow/dis.py': (2, 'DIS runs on the CPU: frames go there, flow comes back. EstimateFlow spares both'),
}


def excess(waits):
    """What goes beyond the table: {wait: count}."""
    over = {}
    used = dict.fromkeys(ALLOWED, 0)
    for wait, count in waits.items():
        name = next((name for name in ALLOWED if name in wait.line), None)
        if name is None:
            over[wait] = count
            continue
        used[name] += count
        if used[name] > ALLOWED[name][0]:
            over[wait] = count
    return over
