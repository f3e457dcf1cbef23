"""Limits of brains in one table: script time and memory, lengths, counts, sandbox processes (specs: sandbox 6)."""

from typing import Final, NamedTuple

# What an operator may write.
COMMANDS: Final = 500
GROUPS: Final = 50
COMMAND_CHARS: Final = 20_000
VARIANTS: Final = 20
ARGUMENTS: Final = 25
CHOICES: Final = 25
ASK_CHARS: Final = 300  # question for a missing argument
TRIGGER_TEXTS: Final = 50
PROMPTS: Final = 50
PROMPT_TURNS: Final = 50
PROMPT_TOKENS: Final = 16_384
TRIGGER_CHARS: Final = 1_000
PEOPLE: Final = 1_000  # entries of an allow or deny list
COOLDOWN_SECONDS: Final = 31 * 86_400
IMPORT_BYTES: Final = 1_000_000
TESTS: Final = 100
TEST_STEPS: Final = 200
TEST_BURST: Final = 20  # texts of one step
TEST_STUBS: Final = 50
TEST_ANSWER_BYTES: Final = 65_536
IMPORT_DEPTH: Final = 40

INTENTS: Final = 100
INTENT_EXAMPLES: Final = 200
INTENT_EXAMPLES_TOTAL: Final = 5_000
EXAMPLE_CHARS: Final = 500
NOT_INTENTS: Final = 200  # messages of a brain that mean none of its intents
DESCRIPTION_CHARS: Final = 500  # of an intent
ENTITIES: Final = 10  # of one intent
ENTITY_CHOICES: Final = 100

# What WhatsApp takes (specs: whatsapp A9).
REPLY_CHARS: Final = 4_096
REPLY_CHARS_WITH_BUTTONS: Final = 1_024
BUTTONS: Final = 3
BUTTON_CHARS: Final = 20

LIST_ROWS: Final = 10
LIST_TITLE_CHARS: Final = 24
LIST_DESCRIPTION_CHARS: Final = 72
HEADER_FOOTER_CHARS: Final = 60  # a header or a footer
BUTTON_ID_CHARS: Final = 256
ROW_ID_CHARS: Final = 200
CAPTION_CHARS: Final = 1_024
FILENAME_CHARS: Final = 240
LINK_CHARS: Final = 2_048
EMOJI_CHARS: Final = 32

# What a script or a template may be: checked before and right after it is parsed.
SCRIPT_CHARS: Final = 16_384
TEMPLATE_CHARS: Final = 20_000
BRACKETS: Final = 40  # depth
NODES: Final = 4_000
TREE_DEPTH: Final = 120
TEMPLATE_CHAIN: Final = 40  # filters or "~" in one expression
CODE_BYTES: Final = 120_000  # compiled: it travels in one packet
FACTS_BYTES: Final = 48_000  # what a source says of itself: it travels in another
FACT_TEXTS: Final = 12
FACT_CHARS: Final = 100

# What it may do while it runs.
OUTPUT_CHARS: Final = 65_536
RANGE_ITEMS: Final = 10_000  # in a template; a script's loops have the clock
LOOP_STEPS: Final = 10_000_000  # of a script's range(): more than the clock allows anyway
PATTERN_CHARS: Final = 1_000  # of a regular expression in a script
REPEAT_ITEMS: Final = 1_048_576
NUMBER_BITS: Final = 4_096
FORMAT_WIDTH: Final = 1_000
JSON_CHARS: Final = 262_144
ERROR_CHARS: Final = 300
TRACE_FRAMES: Final = 20

# What it may decide and ask for.
EFFECTS: Final = 32
CALLS: Final = 16
CALLS_AI: Final = 4
CALLS_HTTP: Final = 8
CALL_DEPTH: Final = 2  # commands that call commands
CALL_SECONDS: Final = 30.0  # a whole run with its calls
HTTP_SECONDS: Final = 5.0
HTTP_BYTES: Final = 262_144
HTTP_HOSTS: Final = 20
REASON_CHARS: Final = 200
AI_SECONDS: Final = 25.0  # a whole answer, with all tries
AI_CONNECT_SECONDS: Final = 5.0
AI_BYTES: Final = 2_097_152  # of a provider's answer
AI_CHARS: Final = 32_768  # of all that is asked, past turns aside
AI_ANSWER_CHARS: Final = 16_384
AI_VARIABLES: Final = 25
AI_PAST_CHARS: Final = 16_000  # of past turns
SCHEDULED: Final = 20  # waiting in one chat
SESSION_MINUTES: Final = 240
BURST_SECONDS: Final = 30
SCHEDULE_SECONDS: Final = 366 * 86_400
SCHEDULE_BYTES: Final = 4_096  # arguments of a scheduled command

# What a brain may remember.
MEMORY_KEY_CHARS: Final = 100
MEMORY_VALUE_BYTES: Final = 16_384
MEMORY_SCOPE_BYTES: Final = 20_480  # one contact, one chat, or the brain: 60 KB of 64 in all
MEMORY_ENTRIES: Final = 50
MAX_MEMORY_ENTRIES: Final = 500
MEMORY_TOP: Final = 50
MEMORY_SECONDS: Final = 366 * 86_400

# What a process may take.
SOFT_SECONDS: Final = 0.25  # of processor: raises in Python, with the operator's line
SOFT_AGAIN_SECONDS: Final = 0.01
SOFT_BUSY_SECONDS: Final = 0.85  # raises as well, however little processor there was
CPU_SECONDS: Final = 0.475  # of processor: dumps the line and dies, for C loops that never look at signals
HARD_SECONDS: Final = 0.6  # the host kills,
BUSY_SECONDS: Final = 1.0  # and waits until then for a process that was given no processor
MEMORY_BYTES: Final = 64 * 1024 * 1024  # above what the process has when it is ready
CPU_LIFE_SECONDS: Final = 60
RECURSION: Final = 220  # calls within each other in a script
TEMPLATE_RECURSION: Final = 700  # Jinja's own frames between two of a template's
PACKET_BYTES: Final = 131_072
ANSWER_BYTES: Final = 393_216  # from the host: what a web server may answer, and its wrapping
CRASH_BYTES: Final = 8_192  # of a dying child's last words

# What understanding a message may take.
ENCODER_SECONDS: Final = 1.0  # for one request
ENCODER_START_SECONDS: Final = 2.0  # that one message waits for a start; later ones do not
ENCODER_REST_SECONDS: Final = 30.0  # after it failed
ENCODER_MEMORY_BYTES: Final = 280 * 1024 * 1024
ENCODER_CPU_SECONDS: Final = 3_600  # then a new process is started
TRAINING_SECONDS: Final = 60.0
TRAINING_MEMORY_BYTES: Final = 512 * 1024 * 1024
MODELS_KEPT: Final = 50  # trained models in the memory of a process

# How the host keeps its children.
RUNS_PER_CHILD: Final = 100
READY_CHILDREN: Final = 8  # forked, warmed and confined, waiting for their first job, where they are used up
QUIET_READY_CHILDREN: Final = 2  # of them elsewhere: each takes 4 MB
IDLE_SECONDS: Final = 30.0
BOOT_SECONDS: Final = 20.0  # half a second on an idle machine; a start that is given up holds every chat up
JOBS_IN_FLIGHT: Final = 16  # jobs sent ahead of their answers
BREAKER_CRASHES: Final = 5
BREAKER_WINDOW_SECONDS: Final = 10.0
BREAKER_OPEN_SECONDS: Final = 10.0
BREAKER_PARTIES: Final = 3  # people whose runs break a source before it is held for all
BREAKER_SUSPECT_SECONDS: Final = 60.0  # a person's runs have a process of their own after one was lost
CALLING: Final = 192  # runs that wait for the outside world at once, of all owners
OWNER_CALLING: Final = 64  # of one owner
SUSPECT_SHARE: Final = 4  # one of so many processes may be at the runs of such people


class Budget(NamedTuple):
    """Line of the usage card: the largest amount a run may use of one resource."""

    name: str
    title: str
    unit: str
    allowed: float


# The budget card: shown after each try as used/allowed, and in the documentation.
BUDGET_CARD: Final = (
    Budget("cpu_ms", "Time", "ms", SOFT_SECONDS * 1000),
    Budget("memory_mb", "Memory", "MB", MEMORY_BYTES / 2**20),
    Budget("recursion", "Calls within each other", "deep", RECURSION),
    Budget("source", "Length", "characters", SCRIPT_CHARS),
    Budget("nodes", "Parts of syntax", "parts", NODES),
    Budget("calls", "Calls to the outside", "calls", CALLS),
    Budget("effects", "Effects", "effects", EFFECTS),
    Budget("reply", "Longest reply", "characters", REPLY_CHARS),
    Budget("memory_value", "Largest variable", "bytes", MEMORY_VALUE_BYTES),
    Budget("output", "Printed text", "characters", OUTPUT_CHARS),
)
