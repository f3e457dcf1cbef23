"""WhatsApp Cloud API: webhooks in, Graph requests out (specs: whatsapp, part A)."""

from app.channels.cloud.channel import CloudChannel
from app.channels.cloud.config import CloudConfig, clean_account

__all__ = ["CloudChannel", "CloudConfig", "clean_account"]
