"""WhatsApp's error codes: what each asks of us, and what helps, in plain words (specs: whatsapp A13)."""

from collections.abc import Mapping

from app.bot.channels.contract import Fault

_RENEW = "make a new system-user token in Meta's business settings and save it in the connection"
_PERMISSION_HELP = (
    "give the system user the permissions whatsapp_business_messaging and whatsapp_business_management, "
    "then save a new token in the connection"
)
_GROUP = (Fault.NEVER, "WhatsApp refused this in the group: check that the number still belongs to it.")
_REGISTER = "check the number in WhatsApp Manager and register it again"

CODES: Mapping[int, tuple[Fault, str]] = {
    0: (Fault.TOKEN, f"Meta could not authenticate the token: {_RENEW}."),
    1: (Fault.TRANSIENT, "WhatsApp had an unknown problem: the message is tried again."),
    2: (Fault.TRANSIENT, "WhatsApp is unavailable for the moment: the message is tried again."),
    3: (Fault.TOKEN, f"The app may not do this: {_PERMISSION_HELP}."),
    4: (Fault.LIMIT, "The app has made too many calls: sending goes on when Meta allows it again."),
    10: (Fault.TOKEN, f"A permission is missing: {_PERMISSION_HELP}."),
    17: (Fault.LIMIT, "Too many calls by this user: sending goes on when Meta allows it again."),
    33: (Fault.ACCOUNT, "This phone number id no longer exists: correct it in the connection."),
    100: (Fault.FIX, "WhatsApp did not accept a value of this message: correct the command that sends it."),
    104: (Fault.TOKEN, f"The access token is missing: {_RENEW}."),
    190: (Fault.TOKEN, f"The access token has expired or was withdrawn: {_RENEW}."),
    368: (
        Fault.ACCOUNT,
        "Meta blocked the account for a policy violation: see its Account quality page.",
    ),
    613: (Fault.LIMIT, "Too many calls of this kind: sending goes on when Meta allows it again."),
    80007: (
        Fault.LIMIT,
        "The account has made too many calls: sending goes on when Meta allows it again.",
    ),
    130429: (Fault.LIMIT, "The number has reached its throughput: sending goes on more slowly by itself."),
    130472: (
        Fault.NEVER,
        "Meta withheld this marketing message for a test of its own: send no other for now.",
    ),
    130497: (Fault.NEVER, "This account may not write to the person's country: see Meta's country rules."),
    131000: (Fault.TRANSIENT, "Something went wrong at WhatsApp: the message is tried again."),
    131005: (Fault.TOKEN, f"Access was denied: {_PERMISSION_HELP}."),
    131008: (Fault.FIX, "The message lacks a value WhatsApp needs: correct the command that sends it."),
    131009: (Fault.FIX, "A value of the message is not allowed: correct the command that sends it."),
    131016: (Fault.TRANSIENT, "A WhatsApp service is unavailable: the message is tried again."),
    131020: _GROUP,
    131021: (Fault.NEVER, "The number cannot write to itself: try it from another phone."),
    131026: (
        Fault.NEVER,
        "The person cannot be reached: not on WhatsApp, an old app, terms not accepted or we are blocked.",
    ),
    131030: (
        Fault.FIX,
        "A test number writes only to listed people: add this person on Meta's API setup page.",
    ),
    131031: (Fault.ACCOUNT, "Meta has locked the account: see Account quality in Meta's business settings."),
    131037: (
        Fault.ACCOUNT,
        "The number's display name is not approved: see WhatsApp Manager.",
    ),
    131041: _GROUP,
    131042: (
        Fault.ACCOUNT,
        "Meta could not charge the account: set a valid payment method there.",
    ),
    131044: (Fault.ACCOUNT, "Meta has no valid payment method: set one in WhatsApp Manager."),
    131045: (Fault.ACCOUNT, f"The number is not properly registered: {_REGISTER}."),
    131047: (
        Fault.NEVER,
        "The person has not written for more than 24 hours, so only an approved template may be sent.",
    ),
    131048: (
        Fault.ACCOUNT,
        "Too many people blocked the number or marked it as spam: write only to those who asked for it.",
    ),
    131049: (
        Fault.NEVER,
        "Meta withheld this marketing message to spare the person: wait a day or more.",
    ),
    131050: (Fault.NEVER, "The person has stopped marketing messages from this number: send none."),
    131051: (Fault.FIX, "WhatsApp does not support this type of message: send another one."),
    131052: (Fault.TRANSIENT, "WhatsApp could not fetch the file: check that its address is public."),
    131053: (Fault.FIX, "WhatsApp could not take the file: check its type and size."),
    131056: (Fault.LIMIT, "Too many messages to this person in a short time: the next one waits a little."),
    131057: (Fault.TRANSIENT, "The account is in maintenance: the message is tried again in a minute."),
    131059: _GROUP,
    131062: (Fault.FIX, "This template needs a phone number, and the person is known by a user id only."),
    131063: (Fault.FIX, "Marketing templates are switched off for the Cloud API on this account."),
    131064: (
        Fault.LIMIT,
        "The limit of new conversations is reached: sending goes on some hours later.",
    ),
    131208: (Fault.LIMIT, "Too many messages to this group: sending goes on in a while."),
    132000: (
        Fault.FIX,
        "The template needs another number of values: correct the command that sends it.",
    ),
    132001: (
        Fault.FIX,
        "No approved template has this name and language: check it in WhatsApp Manager.",
    ),
    132005: (Fault.FIX, "The template's text becomes too long with these values: shorten them."),
    132007: (Fault.FIX, "The template breaks WhatsApp's policy: change it in WhatsApp Manager."),
    132008: (Fault.FIX, "A value of the template is not allowed: correct the command that sends it."),
    132012: (Fault.FIX, "A value of the template has the wrong format: correct the command that sends it."),
    132015: (Fault.FIX, "The template is paused for its low quality: change it in WhatsApp Manager."),
    132016: (Fault.FIX, "The template is disabled for its low quality: make a new one."),
    132018: (Fault.FIX, "A value of the template is a problem: correct the command that sends it."),
    132068: (Fault.FIX, "The flow is blocked: correct it in WhatsApp Manager."),
    132069: (Fault.LIMIT, "The flow may be sent ten times an hour for now: sending goes on later."),
    133000: (
        Fault.TRANSIENT,
        "The number is still being deregistered: the message is tried again.",
    ),
    133004: (Fault.TRANSIENT, "WhatsApp's server is unavailable for the moment: the message is tried again."),
    133005: (Fault.ACCOUNT, f"The two-step PIN of the number is wrong: {_REGISTER}."),
    133006: (Fault.ACCOUNT, f"The number is not verified: {_REGISTER}."),
    133008: (
        Fault.ACCOUNT,
        "The PIN was wrong too often: wait as long as Meta says, then register again.",
    ),
    133009: (
        Fault.ACCOUNT,
        "The PIN came too fast: wait as long as Meta says, then register again.",
    ),
    133010: (Fault.ACCOUNT, f"The number is not registered with the Cloud API: {_REGISTER}."),
    133015: (
        Fault.ACCOUNT,
        "The number was deleted a moment ago: wait five minutes, then register again.",
    ),
    133016: (Fault.ACCOUNT, "The number was registered too often: wait 72 hours, then register again."),
    134011: (Fault.ACCOUNT, "The payment terms are not accepted: accept them in WhatsApp Manager."),
    135000: (Fault.FIX, "WhatsApp did not understand the request: correct the command that sends it."),
    136024: (Fault.FIX, "The verification code could not be requested: try again later."),
    136025: (Fault.FIX, "The verification code is wrong: ask for a new one."),
    137000: (Fault.FIX, "The person's identity has changed since: confirm it before writing again."),
}

# First and last code of families that are listed as one.
RANGES: tuple[tuple[range, tuple[Fault, str]], ...] = (
    (range(200, 300), (Fault.TOKEN, f"A permission is missing: {_PERMISSION_HELP}.")),
    (range(131200, 131300), _GROUP),
    (range(138000, 139000), (Fault.FIX, "WhatsApp refused the call: check the number's call settings.")),
    (range(139000, 140000), (Fault.FIX, "WhatsApp refused this for a flow or a blocked person: check both.")),
    (
        range(147000, 148000),
        (Fault.FIX, "WhatsApp refused the username: check it in WhatsApp Manager."),
    ),
)

# The least time to wait where the meaning of a code implies one, in seconds.
WAITS: Mapping[int, float] = {131048: 4 * 3600, 131057: 60, 131064: 3600, 132069: 600}

# Fewer tries than usual: another one would end the same way.
MAX_TRIES: Mapping[int, int] = {1: 2, 131052: 2}

# The person and this number: its own waiting rule (4^n seconds) is the sender's.
PAIR_LIMIT = 131056
MISSING_OBJECT = (100, 33)
MISSING_OBJECT_HELP = "Meta does not know this id, or the token may not use it: check the id and the token."
