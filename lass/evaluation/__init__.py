"""Metrics of separated sources, and the tables and figures made of them."""
