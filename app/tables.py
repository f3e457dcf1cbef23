"""List of every module with tables or database triggers, imported by migrations and tests."""

from app import accounts, sessions
from app.analytics import models as analytics_models
from app.analytics import triggers
from app.bot import models as bot_models
from app.brains.ai import models as ai_models
from app.brains.memory import models as memory_models
from app.brains.playground import models as playground_models
from app.brains.versions import models as version_models
from app.privacy import models as privacy_models

MODULES = (
    accounts,
    analytics_models,
    ai_models,
    bot_models,
    memory_models,
    playground_models,
    privacy_models,
    sessions,
    triggers,
    version_models,
)
