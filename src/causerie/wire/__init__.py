"""The shapes that travel, one module per protocol. No behaviour, no imports of ours."""
