"""Why messages fail, in classes: for each its words, the one thing that helps, and whether another send makes sense."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_MANAGER: Final = "https://business.facebook.com/wa/manage/"
_BILLING: Final = "https://business.facebook.com/billing_hub/"
_QUALITY: Final = "https://business.facebook.com/business-support-home/"
_TESTING: Final = "https://developers.facebook.com/apps/"


@dataclass(frozen=True, slots=True)
class Cause:
    """One class of failures.

    `action` is what helps and `door` where that is done: connection | chat | command | dashboard | again | settle |
    wait, or an https address. `again`: sending again makes sense once the cause is gone. `parks`: the messages wait
    for a repair of the connection, and go by themselves after it. `person`: somebody has to do something.
    """

    id: str
    title: str
    words: str
    action: str
    door: str
    again: bool = True
    parks: bool = False
    person: bool = True


CAUSES: Final[Mapping[str, Cause]] = {
    each.id: each
    for each in (
        Cause(
            "token",
            "Access token expired or withdrawn",
            "Meta no longer takes the connection’s token. Nothing of this number goes out until it has a new one.",
            "Renew the token",
            "connection",
            parks=True,
        ),
        Cause(
            "permission",
            "Permission missing",
            "The token may not send for this number: the system user lacks a permission at Meta.",
            "Give the permission, then save a new token",
            "connection",
            parks=True,
        ),
        Cause(
            "locked",
            "Account locked or restricted",
            "Meta has locked the account, most often over a policy. Only Meta can open it again.",
            "See Account quality at Meta",
            _QUALITY,
            parks=True,
        ),
        Cause(
            "payment",
            "Payment problem",
            "Meta could not charge the account, or its payment terms are not accepted.",
            "Top up at Meta",
            _BILLING,
            parks=True,
        ),
        Cause(
            "quality",
            "Stopped for low quality",
            "Too many people blocked the number or marked it as spam, so Meta slows it down for some hours.",
            "See the number’s quality at Meta",
            _MANAGER,
            parks=True,
        ),
        Cause(
            "unregistered",
            "Number not registered",
            "The phone number is not properly registered with the Cloud API, or its id is no longer the right one.",
            "Register the number again",
            _MANAGER,
            parks=True,
        ),
        Cause(
            "display_name",
            "Display name not approved",
            "Meta has not approved the name people see for this number.",
            "Correct the name at Meta",
            _MANAGER,
            parks=True,
        ),
        Cause(
            "setup",
            "Connection not set up right",
            "The connection’s own settings cannot work: its address, its secrets, or the number was removed.",
            "Open the connection",
            "connection",
        ),
        Cause(
            "held",
            "Held for you",
            "It is not known whether these arrived, and the connection asks you to decide. Look at the chat first.",
            "Settle each as arrived or not",
            "settle",
        ),
        Cause(
            "refused_content",
            "Content refused",
            "WhatsApp did not accept a value in the message. It fails the same way each time until its command is "
            "corrected.",
            "Fix the command",
            "command",
        ),
        Cause(
            "template_missing",
            "Template not found",
            "No approved template has this name in this language.",
            "Check the template at Meta",
            _MANAGER,
        ),
        Cause(
            "template_paused",
            "Template paused or disabled",
            "Meta has paused or disabled the template for its quality or over a policy.",
            "Change the template at Meta",
            _MANAGER,
        ),
        Cause(
            "template_values",
            "Template filled in wrongly",
            "The values do not fit the template: too many, too few, too long or of the wrong form.",
            "Fix the command",
            "command",
        ),
        Cause(
            "file",
            "File too large or of a wrong type",
            "WhatsApp does not take this file: it is too large, damaged, or of a type it does not know.",
            "Fix the command",
            "command",
        ),
        Cause(
            "file_gone",
            "File could not be fetched",
            "The file’s address did not answer, or is not public.",
            "Make the file’s address public, then send again",
            "again",
        ),
        Cause(
            "unsupported",
            "Kind of message not supported",
            "WhatsApp does not support this kind of message here.",
            "Fix the command",
            "command",
        ),
        Cause(
            "flow",
            "Form blocked or limited",
            "The form (flow) these messages open is blocked or may be sent only a few times an hour.",
            "See the form at Meta",
            _MANAGER,
        ),
        Cause(
            "feature",
            "Feature not set up at Meta",
            "The number’s calls or user name are not set up for this.",
            "See the number’s settings at Meta",
            _MANAGER,
        ),
        Cause(
            "window",
            "24-hour window closed",
            "The person has not written for a day. Until they do, WhatsApp only takes an approved template.",
            "Send a template",
            "chat",
            again=False,
        ),
        Cause(
            "unreachable_person",
            "Person cannot be reached",
            "Not on WhatsApp, blocked by the person, an app too old, or terms not accepted. Meta does not say which.",
            "Check the number",
            "chat",
            again=False,
        ),
        Cause(
            "opted_out",
            "Person has opted out",
            "The person has stopped marketing messages from this number.",
            "Send them no marketing",
            "chat",
            again=False,
        ),
        Cause(
            "address",
            "Recipient cannot be used",
            "The message has no usable recipient: the number itself, an identity that has changed, or none at all.",
            "Look at the chat",
            "chat",
        ),
        Cause(
            "country",
            "Country not allowed",
            "This account may not write to people in that country.",
            "See Meta’s country rules",
            _MANAGER,
            again=False,
        ),
        Cause(
            "test_number",
            "Person not on the test list",
            "A test number writes only to people listed on Meta’s API setup page.",
            "Add the person at Meta",
            _TESTING,
        ),
        Cause(
            "group",
            "Refused in a group",
            "WhatsApp refused the message in the group: check that the number still belongs to it.",
            "Look at the chat",
            "chat",
        ),
        Cause(
            "withheld",
            "Withheld by Meta",
            "Meta withheld this marketing message, to spare the person or for a test of its own.",
            "Wait a day, then send again",
            "again",
        ),
        Cause(
            "rate",
            "Sent too fast",
            "The number or the account had used up what it may send. Sending goes on more slowly by itself.",
            "Send them again, paced",
            "again",
        ),
        Cause(
            "pair",
            "Too many messages to one person",
            "WhatsApp limits how many messages one person gets in a short time.",
            "Send them again, paced",
            "again",
        ),
        Cause(
            "reach",
            "Limit of new conversations reached",
            "The number may begin only so many conversations a day. The limit grows with its quality.",
            "Send them again later",
            "again",
        ),
        Cause(
            "meta_down",
            "WhatsApp was not available",
            "WhatsApp had a fault or was in maintenance, and eight tries were not enough.",
            "Send them again",
            "again",
        ),
        Cause(
            "network",
            "WhatsApp could not be reached",
            "No connection from this server to WhatsApp: its network, its name server or a firewall.",
            "Check the server’s network, then send again",
            "again",
        ),
        Cause(
            "brain",
            "Message could not be handled",
            "The brain could not be run on these messages after eight tries; nobody was answered.",
            "Look at the brain, then handle them again",
            "command",
        ),
        Cause(
            "sandbox",
            "No room to run scripts",
            "No confined process was free for an hour, so these messages were not answered.",
            "See how the workers are",
            "dashboard",
        ),
        Cause(
            "other",
            "Other reasons",
            "Codes that Brainbox does not know; WhatsApp’s own words stand beside each.",
            "Look at the chat",
            "chat",
        ),
        Cause(
            "unknown",
            "Outcome not known yet",
            "WhatsApp may or may not have taken these. They are settled by a receipt, or sent again when none comes.",
            "Nothing: wait for the receipt",
            "wait",
            again=False,
            person=False,
        ),
    )
}
