"""The gate between what the quoter wants and what the venue gets: allow, adjust or block, with a reason."""
