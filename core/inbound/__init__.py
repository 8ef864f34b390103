"""From a platform event to a stored, deduplicated inbox row."""
