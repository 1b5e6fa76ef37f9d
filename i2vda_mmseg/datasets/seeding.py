"""Random numbers that depend on where a sample stands, not on who draws it or when."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

RandomStates = tuple[tuple, dict, Tensor]


@contextmanager
def seeded(seed: int, position: int, domain: int = 0) -> Iterator[None]:
    """Seed the global generators from (seed, position, domain) and restore their former states on leaving.

    Python's ``random``, NumPy's legacy generator and torch's CPU generator are covered; those of accelerators are
    neither used nor touched. None of the three numbers is negative; ``domain`` keeps apart what one position draws.

    Example:
        >>> with seeded(0, 5):
        ...     first = random.random()
        >>> with seeded(0, 5):
        ...     assert random.random() == first
    """
    states = random_states()
    # Transforms draw from the global generators, so these are what has to be seeded.
    words = np.random.SeedSequence([seed, position, domain]).generate_state(10)
    try:
        random.seed(words[:4].tobytes())
        np.random.seed(words[4:8])  # noqa: NPY002
        torch.default_generator.manual_seed(int(words[8]) << 32 | int(words[9]))
        yield
    finally:
        restore_random_states(states)


def random_states() -> RandomStates:
    """Copy the states of Python's ``random``, NumPy's legacy generator and torch's CPU generator."""
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002
    return random.getstate(), numpy_state, torch.default_generator.get_state()


def restore_random_states(states: RandomStates) -> None:
    """Set the global generators to what ``random_states`` gave."""
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    torch.default_generator.set_state(states[2])


def same_random_states(first: RandomStates, second: RandomStates) -> bool:
    """Say whether two of ``random_states`` would go on alike."""
    numpy_states = [(state['state']['pos'], state['state']['key'].tobytes()) for _, state, _ in (first, second)]
    return first[0] == second[0] and numpy_states[0] == numpy_states[1] and torch.equal(first[2], second[2])
