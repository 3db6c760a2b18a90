"""A discrete-event simulator of serving systems, iteration by iteration."""
