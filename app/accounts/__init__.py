"""Operators' accounts: who may sign in, with which role, and where they are signed in.

`users` has accounts and passwords, `roles` what each role may; `sessions` the devices each is signed in on. `team` and
`invitations` are what owners do, `password_resets` and `second_factor` what a person does; `throttle` slows guesses.
"""
