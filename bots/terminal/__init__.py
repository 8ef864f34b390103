"""The terminal as a platform: one person, one conversation, text that is only ever added to."""
