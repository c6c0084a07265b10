"""One compiled event-time loop over columns, calling the same handlers as the live nodes."""
