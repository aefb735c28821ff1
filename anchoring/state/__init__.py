"""What every gram is at one size of the log, as a Merkle-sum map over the number line (docs/design.md, section 9)."""
