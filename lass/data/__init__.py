"""Data sets: libraries of recordings or images behind one interface, mixtures, tuples, batches, downloads."""
