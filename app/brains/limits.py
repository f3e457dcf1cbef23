"""The one table of limits: the document, the host and the child all read it (specs: sandbox 6)."""

from typing import Final

# What an operator may write.
COMMANDS: Final = 500
COMMAND_CHARS: Final = 20_000
VARIANTS: Final = 20
ARGUMENTS: Final = 25
CHOICES: Final = 25
TRIGGER_TEXTS: Final = 50
TRIGGER_CHARS: Final = 1_000
PEOPLE: Final = 1_000  # entries of an allow or deny list
COOLDOWN_SECONDS: Final = 31 * 86_400
IMPORT_BYTES: Final = 1_000_000
IMPORT_DEPTH: Final = 40

# What WhatsApp takes (specs: whatsapp A9).
REPLY_CHARS: Final = 4_096
REPLY_CHARS_WITH_BUTTONS: Final = 1_024
BUTTONS: Final = 3
BUTTON_CHARS: Final = 20

# What a template may be: checked before and right after it is parsed.
TEMPLATE_CHARS: Final = 20_000
TEMPLATE_BRACKETS: Final = 40  # depth
TEMPLATE_NODES: Final = 4_000
TEMPLATE_CHAIN: Final = 40  # filters or "~" in one expression

# What a template may do while it runs.
OUTPUT_CHARS: Final = 65_536
RANGE_ITEMS: Final = 10_000
REPEAT_ITEMS: Final = 1_048_576
NUMBER_BITS: Final = 4_096
ERROR_CHARS: Final = 300

# What a process may take.
SOFT_SECONDS: Final = 0.25  # raises in Python, with the template's line
SOFT_AGAIN_SECONDS: Final = 0.01
CPU_SECONDS: Final = 0.475  # dumps the line and dies, for C loops that never look at signals
HARD_SECONDS: Final = 0.6  # the host kills
MEMORY_BYTES: Final = 64 * 1024 * 1024  # above what the process has when it is ready
CPU_LIFE_SECONDS: Final = 60
RECURSION: Final = 700
PACKET_BYTES: Final = 131_072
CRASH_BYTES: Final = 8_192  # of a dying child's last words

# How the host keeps its children.
RUNS_PER_CHILD: Final = 2000
IDLE_SECONDS: Final = 30.0
BOOT_SECONDS: Final = 5.0
WINDOW: Final = 16  # jobs sent ahead of their answers
DEATHS: Final = 5
DEATHS_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 10.0
