"""The registry's own decisions: each judged by the rules that outsiders replay, and recorded (docs/design.md, 11)."""
