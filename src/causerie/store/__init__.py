"""Where things are kept: `events` in ClickHouse or chDB, `state` in SQLite or PostgreSQL."""
