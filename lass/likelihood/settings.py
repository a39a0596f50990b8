"""Limits that the configuration has to know; without torch."""

LARGEST_FRAMES = 1 << 28
"""Numbers that the quadratic forms of all pairs of codes may take in the likelihood of frames."""
