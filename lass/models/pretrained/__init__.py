"""Public checkpoints of other projects: read without running anything in them, checked, written as our files.

One module per architecture holds the network; a converter per kind of file stands in `registry`.
"""
