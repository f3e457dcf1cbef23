"""Words, icons and tones of message states, message kinds (also unsupported ones) and rollouts, for every page."""

from dataclasses import replace

from app.bot.states import MessageState
from app.brains.versions.models import Rollout
from app.immutable import immutable


@immutable
class StateDisplay:
    """How a state is shown; `tone`: quiet | good | info | warn | bad."""

    word: str
    icon: str
    tone: str
    hint: str


STATES: dict[str, StateDisplay] = {
    MessageState.NEW: StateDisplay("Waiting", "clock", "quiet", "Stored; a worker will answer it."),
    MessageState.DONE: StateDisplay("Handled", "check", "quiet", "A brain has handled it."),
    MessageState.STORED: StateDisplay("Kept", "archive", "quiet", "Kept, but no brain ran."),
    MessageState.QUEUED: StateDisplay("Queued", "clock", "quiet", "Waiting to be sent."),
    MessageState.SENDING: StateDisplay(
        "Sending", "clock", "quiet", "Handed over for delivery; no answer yet."
    ),
    MessageState.RETRY: StateDisplay(
        "Trying again", "refresh", "warn", "The last attempt failed; it is sent again automatically."
    ),
    MessageState.UNKNOWN: StateDisplay(
        "Unconfirmed",
        "help-circle",
        "warn",
        "It may or may not have been accepted. Brainbox waits for a receipt before it sends again.",
    ),
    MessageState.HELD: StateDisplay(
        "Held", "hand-stop", "warn", "Delivery is unconfirmed and this connection asks an operator to decide."
    ),
    MessageState.SENT: StateDisplay("Sent", "check", "quiet", "It was accepted for delivery."),
    MessageState.DELIVERED: StateDisplay("Delivered", "checks", "quiet", "It has reached the phone."),
    MessageState.READ: StateDisplay("Read", "checks", "info", "It has been opened."),
    MessageState.PLAYED: StateDisplay("Played", "checks", "info", "It has been listened to."),
    MessageState.FAILED: StateDisplay(
        "Failed", "alert-circle", "bad", "It was refused and is not tried again."
    ),
    MessageState.DEAD: StateDisplay(
        "Failed",
        "circle-x",
        "bad",
        "All attempts failed and it is not tried again. Send it again when the cause is gone.",
    ),
}
UNKNOWN_STATE = StateDisplay("Unknown", "help-circle", "warn", "A state this version does not know.")

KINDS = {
    "text": ("message", "Text"),
    "image": ("photo", "Photo"),
    "video": ("video", "Video"),
    "audio": ("player-play", "Audio"),
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
    "call_permission": ("device-mobile", "Permission to call"),
    "welcome": ("message-circle", "Chat opened"),
    "edit": ("pencil", "Edit"),
    "revoke": ("ban", "Deletion"),
    "location_request": ("map-pin", "Location request"),
    "unsupported": ("help-circle", "Unsupported message"),
}


ROLLOUTS = {
    "canary": StateDisplay("Canary", "users", "info", "Part of the contacts get a new version."),
    "shadow": StateDisplay(
        "Shadow", "ghost", "info", "A new version runs on live messages without answering."
    ),
    "promoted": StateDisplay("Live for everyone", "bolt", "good", "It was rolled out to everyone."),
    "reverted": StateDisplay(
        "Rolled back automatically", "corner-up-left", "bad", "The guard rolled it back."
    ),
    "stopped": StateDisplay("Stopped", "hand-stop", "quiet", "It was stopped before it reached everyone."),
}

# Why a message was answered by another version than the live one.
VERSION_CHOICES = {
    "session": "this conversation started on it",
    "candidate": "this contact is in the gradual rollout",
}


def get_rollout_display(rollout: Rollout) -> StateDisplay:
    """Return how a rollout is shown: its way while it goes on, then its end."""
    seen = ROLLOUTS[rollout.ending or rollout.mode]
    return replace(seen, word=f"{seen.word} {rollout.percent} %") if seen.word == "Canary" else seen


def describe_version_choice(choice: str) -> str:
    """Say why another version than the live one answered; empty when it was the live one."""
    return VERSION_CHOICES.get(choice, "")


def get_state_display(state: str) -> StateDisplay:
    """Return how a state is shown."""
    return STATES.get(state, UNKNOWN_STATE)


def get_kind_icon(kind: str) -> str:
    """Return the icon of a message kind."""
    return KINDS.get(kind, ("message-circle", ""))[0]


def get_kind_word(kind: str) -> str:
    """Return the word for a message kind; kinds we do not know are named as they come."""
    return KINDS.get(kind, ("", kind.replace("_", " ").capitalize()))[1]
