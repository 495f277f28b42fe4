"""Apps on the clients that people have, and what it takes to run them."""
