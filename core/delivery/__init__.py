"""The way from growing text to frames on a screen: budgets, schedule, recovery."""
