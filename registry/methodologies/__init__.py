"""Versioned methodology records: what a reduction is computed from, by which formula, and how sure that is."""
