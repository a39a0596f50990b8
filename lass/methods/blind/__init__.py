"""Methods that know nothing of the sources."""
