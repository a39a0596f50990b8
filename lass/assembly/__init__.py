"""Opens parts from their files, checks that they belong together, and puts them together.

One module per product, so that a rule's fingerprint covers what it uses and nothing else.
"""
