"""Files from the network, verified: whole or as they arrive."""
