"""What the audit says of labels and notes: named by what they are, at their chat."""

from pathlib import Path

from sqlalchemy import select

from app.bot.chats import labels, notes
from app.bot.chats.notes import Author
from app.bot.models import Chat
from app.logs.audit.auditor import attach_auditor
from app.logs.audit.models import AuditEntry
from app.settings import Settings
from app.vault import Vault
from tests.bot.conftest import Pipeline, build_inbound


def test_labels_and_notes_of_a_chat_are_named(pipeline: Pipeline, settings: Settings, tmp_path: Path):
    pipeline.ingest(build_inbound(1, pipeline.clock, "15550001", text="hello"))
    attach_auditor(pipeline.database, Vault(settings), tmp_path, pipeline.clock)
    with pipeline.database.read() as session:
        chat = session.scalars(select(Chat.id)).one()
    me = Author(1, "ada")
    label = pipeline.write(lambda s: labels.create(s, "VIP", "teal", 1).id)
    pipeline.write(lambda s: labels.attach(s, [chat], label))
    pipeline.write(lambda s: labels.detach(s, [chat], label))
    note = pipeline.write(lambda s: notes.create(s, chat, me, "x", 1).id)
    pipeline.write(lambda s: notes.set_deleted_at(s, note, me, 9) and None)
    pipeline.write(lambda s: notes.set_deleted_at(s, note, me, None) and None)
    with pipeline.database.read() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.number)).all()
        actions = [entry.action for entry in entries]
        assert actions == [
            "label created", "label added to chat", "label taken off chat", "note created", "note deleted",
            "note restored",
        ]  # fmt: skip
        for entry in entries[1:3]:
            assert (entry.subject_kind, entry.subject_id) == ("chat", str(chat))
            assert entry.changes[0]["name"] == "VIP"
