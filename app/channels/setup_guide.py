"""Setup guide of a channel: what the pages of connections say about it, and how its account is entered."""

from app.immutable import immutable


@immutable
class AccountField:
    """The form field of what a channel routes by."""

    label: str
    help: str
    is_number: bool = False


@immutable
class SetupGuide:
    """Texts and choices of a channel's form.

    `provider` stands within sentences ("Accepted by WhatsApp"). Without `account_field` the form makes an account
    up that begins with `account_prefix`. `is_default`: the command line takes this channel when none is named.
    `generated_field` names a field of Config that the form proposes a random value for and shows with the webhook
    address. In steps, `**` encloses names to look for and a backquote encloses code.
    """

    provider: str
    description: str
    invitation: str
    icon: str = "plug-connected"
    account_field: AccountField | None = None
    account_prefix: str = ""
    is_default: bool = False
    generated_field: str = ""
    title: str = "Set up"
    steps: tuple[str, ...] = ()
    # Steps that need the stored connection.
    steps_after_save: tuple[str, ...] = ()
    webhook_label: str = "Webhook address"
    # How an operator gets an approved template.
    template_help: str = ""
