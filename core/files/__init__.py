"""Files, pictures and videos: fetched, checked, read once, and shown to Kimi with every question."""
