"""Attention with a past that many sequences share."""
