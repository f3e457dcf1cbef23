"""Operators' pages: one blueprint a page family, drawn on the server.

Other packages use `init_app` only.
"""

import importlib

from flask import Flask

from app import topics
from app.admin.ui import pages, states
from app.bot.display import format_message_text, get_display_kind, read_content
from app.bot.failures.catalog import CAUSES
from app.bot.states import REDRIVABLE_STATES, TROUBLE_STATES
from app.channels.content import received_text
from app.web import is_fragment_request


def init_app(app: Flask) -> None:
    """Register the pages and what their templates use.

    Every module of this package is imported; its `init_app` is called and its `blueprint` registered, where it has one.
    """
    env = app.jinja_env
    env.globals.update(
        CAUSES=CAUSES,
        REDRIVABLE_STATES=REDRIVABLE_STATES,
        TROUBLE_STATES=TROUBLE_STATES,
        describe_version_choice=states.describe_version_choice,
        format_message_text=format_message_text,
        get_rollout_display=states.get_rollout_display,
        get_state_display=states.get_state_display,
        kind_icon=states.get_kind_icon,
        kind_word=states.get_kind_word,
        message_kind=get_display_kind,
        read_content=read_content,
        received=received_text,
        partial=is_fragment_request,
        topics=topics,
    )
    env.globals.update(list_menu=pages.list_menu, get_section=pages.get_section, is_allowed=pages.is_allowed)
    env.trim_blocks = env.lstrip_blocks = True
    modules = pages.find_modules(importlib.import_module(__name__))
    for module in modules:
        if hasattr(module, "init_app"):
            module.init_app(app)
    # Pages and the fragments cut out of them share these macros without importing them each.
    env.globals["parts"] = env.get_template("ui/parts.html").module
    for module in modules:
        if hasattr(module, "blueprint"):
            app.register_blueprint(module.blueprint)
