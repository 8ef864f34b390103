"""Guard rails: what is hidden from Kimi, who asks too much, who is turned away. Pure policies."""
