"""The paper's tables on StreetWorld or real data: many runs from one command, which may be killed at any moment.

Nothing is imported here: Ray's workers import ``worker`` only, and start in a second instead of six.
"""
