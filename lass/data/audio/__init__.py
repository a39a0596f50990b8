"""Sound: files, and the readers of folders of recordings."""
