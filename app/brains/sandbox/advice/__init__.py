"""Advice on errors of scripts and templates, in an operator's words.

Other packages use `advice`.
"""
