"""The work queue: one port, one adapter for each kind of database."""
