"""One vocabulary of states: the word, the icon, the tone and what it means, the same on every page."""

from dataclasses import dataclass, replace

from app.brains.rollout_models import Rollout


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is shown; `tone`: quiet | good | info | warn | bad."""

    word: str
    icon: str
    tone: str
    hint: str


STATES = {
    "new": Look("Waiting", "clock", "quiet", "Stored; a worker will answer it."),
    "done": Look("Handled", "check", "quiet", "A brain has looked at it."),
    "stored": Look("Kept", "archive", "quiet", "Kept, but no brain was asked."),
    "queued": Look("Queued", "clock", "quiet", "Waits for its turn to be sent."),
    "sending": Look("Sending", "clock", "quiet", "On its way to WhatsApp."),
    "retry": Look("Trying again", "refresh", "warn", "The last try failed; it will be sent again by itself."),
    "unknown": Look(
        "Unknown",
        "help-circle",
        "warn",
        "WhatsApp may or may not have taken it. We wait for a receipt before anything is sent twice.",
    ),
    "held": Look(
        "Held", "hand-stop", "warn", "Its outcome is unknown and this connection asks you to decide."
    ),
    "sent": Look("Sent", "check", "quiet", "WhatsApp has taken it."),
    "delivered": Look("Delivered", "checks", "quiet", "It has reached the phone."),
    "read": Look("Read", "checks", "info", "It has been opened."),
    "played": Look("Played", "checks", "info", "It has been listened to."),
    "failed": Look("Failed", "alert-circle", "bad", "WhatsApp refused it."),
    "dead": Look(
        "Dead",
        "circle-x",
        "bad",
        "It failed too often and is no longer tried. Send it again when the cause is gone.",
    ),
}
UNKNOWN_STATE = Look("Unknown", "help-circle", "warn", "A state this version does not know.")

# States an operator can send again from the bubble.
RETRIABLE = frozenset({"dead", "failed", "held"})

KINDS = {
    "text": ("message", "Text"),
    "image": ("photo", "Photo"),
    "video": ("video", "Video"),
    "audio": ("microphone", "Voice message"),
    "voice": ("microphone", "Voice message"),
    "document": ("file", "Document"),
    "sticker": ("sticker", "Sticker"),
    "location": ("map-pin", "Location"),
    "contacts": ("address-book", "Contact card"),
    "reaction": ("mood-smile", "Reaction"),
    "buttons": ("pointer", "Buttons"),
    "list": ("list", "List"),
    "button": ("pointer", "Button pressed"),
    "interactive": ("pointer", "Choice"),
    "order": ("shopping-cart", "Order"),
    "system": ("info-circle", "System note"),
    "template": ("message-circle", "Template"),
    "flow": ("list", "Form"),
    "cta_url": ("external-link", "Link button"),
    "location_request": ("map-pin", "Location request"),
    "unsupported": ("help-circle", "Unsupported message"),
}


ROLLOUTS = {
    "canary": Look("Canary", "users", "info", "Part of the contacts get a new version."),
    "shadow": Look(
        "Shadow", "ghost", "info", "A new version is run silently beside the live one; it answers nobody."
    ),
    "promoted": Look("Live for everyone", "bolt", "good", "It was put live for everyone."),
    "reverted": Look("Taken back by itself", "corner-up-left", "bad", "The guard took it back."),
    "stopped": Look("Stopped", "hand-stop", "quiet", "It was ended before everybody had it."),
}

# Why a message was answered by another version than the live one.
COURSES = {
    "session": "this conversation began on it",
    "candidate": "this contact tries it before everyone has it",
}


def rollout_look(rollout: Rollout) -> Look:
    """Return how a rollout is shown: its way while it goes on, then its end."""
    seen = ROLLOUTS[rollout.ending or rollout.mode]
    return replace(seen, word=f"{seen.word} {rollout.percent} %") if seen.word == "Canary" else seen


def course_word(course: str) -> str:
    """Say why another version than the live one answered; empty when it was the live one."""
    return COURSES.get(course, "")


def look(state: str) -> Look:
    """Return how a state is shown."""
    return STATES.get(state, UNKNOWN_STATE)


def kind_icon(kind: str) -> str:
    """Return the icon of a message kind."""
    return KINDS.get(kind, ("message-circle", ""))[0]


def kind_word(kind: str) -> str:
    """Return the word for a message kind; kinds we do not know are named as they come."""
    return KINDS.get(kind, ("", kind.replace("_", " ").capitalize()))[1]
