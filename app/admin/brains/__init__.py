"""Brain pages: list, gallery, import, versions, publishing, rehearsal and rollouts."""
