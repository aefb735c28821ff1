"""Opinions of experts and technical service bodies: asked for on a case, given, and part of the next decision of it."""
