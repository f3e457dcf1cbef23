"""Explanations of one message: why it was or was not answered, and the timeline of its trace.

Pages use `explain` and `timeline`; `explanation` holds the catalogue of causes.
"""
