"""Schedules of networks that learn from their own predictions."""


def ema_decay(iteration: int, cap: float = 0.999) -> float:
    """Decay of a teacher's exponential moving average, ``min(1 - 1 / (iteration + 1), cap)``.

    0 at iteration 0, where the teacher becomes a copy. Below the cap the teacher is the arithmetic mean of all students
    so far (Tarvainen and Valpola, NeurIPS 2017; DACS, Tranheden et al., WACV 2021).

    Args:
        iteration: Iteration, from 0.
        cap: Largest decay, in [0, 1].

    Returns:
        Weight of the teacher; the student's is the rest to 1.

    Example:
        >>> ema_decay(0), ema_decay(3), ema_decay(5000)
        (0.0, 0.75, 0.999)
    """
    return min(1 - 1 / (iteration + 1), cap)
