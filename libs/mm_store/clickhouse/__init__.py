"""ClickHouse, embedded or a server: schema, exactly-once archive, read-only queries. See README.md."""
