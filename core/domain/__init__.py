"""Events, people, addresses, errors and the clock: types that import nothing else of the core."""
