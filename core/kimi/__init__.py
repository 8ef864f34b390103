"""The chat API of Kimi: a client that stands on its own."""
