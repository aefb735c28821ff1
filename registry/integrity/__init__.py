"""The integrity record (诚信记录): findings about who takes part, with reasons, a term and an appeal (R74)."""
