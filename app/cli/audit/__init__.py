"""`flask audit`, and the audit's part of `flask doctor`."""
