"""Media of messages: downloads of what came in, uploads of what operators send, their rows.

Other packages use `attachments`, `uploads` and `downloads`; the services start `fetcher`.
"""
