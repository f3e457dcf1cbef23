"""Training of intent models: sets, regression, cross-validation, report, and the process it runs in."""
