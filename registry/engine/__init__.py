"""A methodology's computation as data: read, checked, run on engines by Ibis, and once more by fractions."""
