"""The command lines: words, progress bars, errors in one line, exit codes."""
