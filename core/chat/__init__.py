"""What a turn is: the way from a question to a finished answer."""
