"""What stands in a label map besides classes."""

IGNORE_INDEX = 255  # no class: not learnt from, not counted
LABEL_VALUES = 256  # what a label map may hold, IGNORE_INDEX included
