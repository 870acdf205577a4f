"""``python -m whydiff``: the command line by the interpreter it is installed beside."""

from whydiff.cli import main

if __name__ == "__main__":
    main(prog_name="whydiff")
