"""The parts of the audit: the tree, the rules over many leaves at once, overlaps, totals, anchors, the report."""
