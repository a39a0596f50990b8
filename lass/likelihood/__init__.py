"""The likelihood p(m | z_1..z_N): counted as integers, normalised once, looked up by mixture code."""
