"""One module a client: its profiles, and how its files become evidence."""
