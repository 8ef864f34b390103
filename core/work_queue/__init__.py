"""Who runs a conversation's work, and when: one port, one adapter for each database."""
