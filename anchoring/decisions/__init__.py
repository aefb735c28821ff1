"""Decisions in a log, and all movements that rest on them, held against the rules (docs/design.md, section 11)."""
