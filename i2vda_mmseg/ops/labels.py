"""What stands in a label map besides classes."""

IGNORE_INDEX = 255  # no class: not learnt from, not counted
