"""Run the command line: ``python -m imgcompare``."""

from imgcompare.cli.main import main

if __name__ == "__main__":
    main()
