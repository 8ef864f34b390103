"""What the bot knows: a team's own texts, cut into passages, found again and shown with their sources."""
