"""Published measurements against simulated ones: the tables of docs/simulator.md."""
