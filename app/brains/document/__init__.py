"""Documents: a brain's commands, prompts, settings and tests as validated data.

Other packages use `schema` (types and parsing), `validation`, `diff`, `merge`, `yaml_format`, `importing` and
`gallery`.
"""
