"""How far operators' code is locked in, in words for the board."""

from dataclasses import dataclass

from app.brains.sandbox import Level, Sandbox

WORDS = {
    "full": ("good", "Fully locked in", "Its own empty world: no files, no network, no other processes."),
    "hardened": ("good", "Locked in", "No files and no network; other processes are out of reach."),
    "basic": (
        "warn",
        "Locked in, with one wall less",
        "System calls are filtered; files are guarded by that alone.",
    ),
    "none": ("bad", "Not locked in", "This kernel cannot confine programs, so commands do not run."),
}
# What to do about a wall that is missing.
REMEDIES = {
    "hardened": "To add the last wall, allow unprivileged user namespaces (kernel.unprivileged_userns_clone=1, or "
    "the container's security profile).",
    "basic": "Use a kernel from 5.13 on with Landlock switched on (lsm=landlock).",
    "none": "Use a kernel with seccomp, or SANDBOX_UNSAFE=1 where everybody who writes commands is trusted fully.",
}
MODES = {
    "sticky": "A brain keeps its process for a while.",
    "strict": "Every run gets a process of its own.",
}


@dataclass(frozen=True, slots=True)
class Confinement:
    """The level in force; `missing` says which walls are not there, `remedy` what to do."""

    tone: str
    word: str
    hint: str
    mode: str
    missing: tuple[str, ...]
    remedy: str


def told(sandbox: Sandbox) -> Confinement:
    """Describe the sandbox of this process."""
    level: Level = sandbox.level()
    tone, word, hint = WORDS.get(level.name, WORDS["none"])
    return Confinement(
        tone, word, hint, MODES.get(sandbox.mode, sandbox.mode), level.notes, REMEDIES.get(level.name, "")
    )
