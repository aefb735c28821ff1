"""Life cycles as data, decisions, and their replay by anyone (docs/design.md, section 11). Pure."""
