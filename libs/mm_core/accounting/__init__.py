"""The account: position, cash, fees, and an exact split of the result."""
