"""Text as people write and read it: language, tokens, notices, quotes."""
