"""Effects: decisions of a run as data, carried out with the commit of its turn.

Other packages use `model` (the kinds of effects) and `parse` (read them from a script's output).
"""
