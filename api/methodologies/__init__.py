"""Methodologies over REST: those that are published, and computing an act again."""
