"""Variables that scripts store by contact, chat or brain (`ctx.memory`).

Other packages use `store` (the table) and `overlay` (changes of one run).
"""
