"""Capability `ctx.send_image` and the like: permission to send files from web addresses."""

from app.brains.capabilities.grant import Grant
from app.brains.capabilities.kind import CapabilityKind
from app.brains.capabilities.script_call import ReferenceEntry


class MediaGrant(Grant):
    """Permission to send files from web addresses."""


class MediaKind(CapabilityKind):
    """The permission to send files; the effects of a run carry them out."""

    name = "media"
    order = 40
    Grant = MediaGrant
    title = "Send images, files and sound"
    help = "By an https link, which WhatsApp fetches."
    purpose = "send files"
    attributes = ("send_image", "send_video", "send_audio", "send_document")
    is_initial = True
    section = "Answering"
    reference = (
        ReferenceEntry(
            "send_image", 'ctx.send_image("https://example.com/a.jpg", caption="Look")', "Sends an image"
        ),
        ReferenceEntry("send_video", 'ctx.send_video("https://example.com/a.mp4")', "Sends a video"),
        ReferenceEntry(
            "send_audio",
            'ctx.send_audio("https://example.com/a.ogg", voice=True)',
            "Sends audio or a voice note",
        ),
        ReferenceEntry(
            "send_document",
            'ctx.send_document("https://example.com/a.pdf", filename="offer.pdf")',
            "Sends a file",
        ),
    )


capability = MediaKind()
