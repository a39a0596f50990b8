"""Models as folders: the parts that belong together, described by `model.json`."""
