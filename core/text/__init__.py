"""Text of people and of the bot: language, token estimates, notices, quoting."""
