"""Claiming and running turns: the path from an inbox row to an answer on the screen."""
