"""The demo: a street, three methods trained and tested on it, one page; it can be stopped and goes on."""

from .plan import DemoOptions, demo_steps
from .run import run_demo

__all__ = ['DemoOptions', 'demo_steps', 'run_demo']
