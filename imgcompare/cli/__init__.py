"""The command line: one file per sub-command, nothing computed here."""
