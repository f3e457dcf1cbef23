"""Runtime: decides which command a message triggers and runs it in the sandbox.

Other packages use `program` (compile a document), `runtime` (run a turn), `outcome`, `replay`, `dry_run` and
`rehearsal`.
"""
