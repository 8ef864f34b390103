"""The Terminal platform."""
