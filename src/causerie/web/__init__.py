"""HTTP: each API in its own shape, and the pages."""
