"""The gate between the quoter's intents and the venue: allow, adjust or block, with a reason."""
