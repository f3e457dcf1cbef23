"""List of every module with tables or database triggers, imported by migrations and tests."""

from app.accounts import (
    known_origins,
    one_time_links,
    recovery_codes,
    second_factor,
    sessions,
    throttle,
    users,
)
from app.analytics import models as analytics_models
from app.analytics import triggers
from app.bot import models as bot_models
from app.brains.ai import models as ai_models
from app.brains.memory import models as memory_models
from app.brains.playground import models as playground_models
from app.brains.versions import models as version_models
from app.logs import models as log_models
from app.logs.audit import append_only
from app.logs.audit import models as audit_models
from app.privacy import models as privacy_models

MODULES = (
    users,
    analytics_models,
    append_only,
    audit_models,
    ai_models,
    bot_models,
    known_origins,
    log_models,
    memory_models,
    playground_models,
    one_time_links,
    privacy_models,
    recovery_codes,
    second_factor,
    sessions,
    throttle,
    triggers,
    version_models,
)
