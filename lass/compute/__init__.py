"""How things are computed, never what: rows, devices, graphs, timing."""
