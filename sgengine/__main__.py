"""``python -m sgengine``: the command line."""

from sgengine.cli.main import main

if __name__ == "__main__":
    main()
