"""The host's side of the template sandbox: one confined process a brain (specs: sandbox)."""

from app.brains.sandbox.host import Level, Sandbox
from app.brains.sandbox.wire import Rendered, RenderError, RenderJob

__all__ = ["Level", "RenderError", "RenderJob", "Rendered", "Sandbox"]
