"""Chat pages: inbox, thread, composer, labels, handoff, trace and "Why?"."""
