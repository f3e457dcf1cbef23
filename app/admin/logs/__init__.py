"""Pages of the logging service: log lines, sources with their tokens, sinks, errors of browsers."""
