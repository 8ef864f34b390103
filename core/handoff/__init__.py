"""The desk: people who take over from the bot, and everything that goes between them and a customer."""
