"""Training rehearsed on a device that is not there: device mixes, waits, memory."""

from .fake_device import Waits, fake_device
from .rehearse import Rehearsal, rehearse

__all__ = ['Rehearsal', 'Waits', 'fake_device', 'rehearse']
