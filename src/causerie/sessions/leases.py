"""Holds of sessions in a database: a row each, which ends by itself when nobody renews it.

`:now` is the time in seconds since 1970, by the clock of the file's machine or of the database.
"""

TABLE = """
CREATE TABLE IF NOT EXISTS causerie_holds (
    session TEXT PRIMARY KEY, holder TEXT NOT NULL, ends_at DOUBLE PRECISION NOT NULL
)"""
TAKE = """
INSERT INTO causerie_holds (session, holder, ends_at) VALUES (:session, :holder, :now + :lease_s)
ON CONFLICT (session) DO UPDATE SET holder = excluded.holder, ends_at = excluded.ends_at
WHERE causerie_holds.ends_at <= :now OR causerie_holds.holder = excluded.holder"""
HELD = "SELECT 1 FROM causerie_holds WHERE session = :session AND holder = :holder"
RELEASE = "DELETE FROM causerie_holds WHERE session = :session AND holder = :holder"
SESSIONS = "SELECT DISTINCT thread_id FROM checkpoints WHERE checkpoint_ns = ''"
