"""Learning from past messages: those a brain did not understand, and what a change of its intents would do to them.

Pages use `misunderstood`, `ignored` and `effects`.
"""
