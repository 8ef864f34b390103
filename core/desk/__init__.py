"""Handing a conversation over to people, as far as it is decided without any I/O."""
