"""The results store: Delta tables that a night is committed to, once, whatever happens."""
