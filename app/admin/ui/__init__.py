"""Parts shared by all pages: responses, permissions, words of states, formats, generated forms.

Pages use `responses` (page or fragment, notices, undo), `permissions` (roles), `states` (words, icons and tones of
states), `time_format`, `number_format`, `marks` and `schema_form`.
"""
