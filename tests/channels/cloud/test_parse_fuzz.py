import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from app.channels.cloud.parse import parse
from app.channels.contract import InboundMessage, Status
from app.text import to_json

FIXTURES = Path(__file__).resolve().parents[3].parent / "shared" / "fixtures" / "whatsapp_cloud"
PAYLOADS = [json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*.json"))]
quick = settings(deadline=None, database=None, max_examples=300)

text = st.text(st.characters(exclude_categories=()), max_size=30)
names = st.sampled_from(
    [
        "entry",
        "changes",
        "value",
        "field",
        "messages",
        "statuses",
        "errors",
        "contacts",
        "metadata",
        "id",
        "type",
        "from",
        "text",
        "body",
        "context",
        "system",
        "wa_id",
        "user_id",
        "profile",
        "timestamp",
        "history",
        "threads",
        "message_echoes",
        "interactive",
        "edit",
        "message",
        "phone_number_id",
        "code",
        "user_id_update",
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | text | names
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | text, inner, max_size=6),
    max_leaves=25,
)


def list_paths(value, path=()):
    """Yield the path of every value in a document."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from list_paths(part, (*path, key))


@st.composite
def mutate(draw):
    payload = json.loads(json.dumps(draw(st.sampled_from(PAYLOADS))))
    for _ in range(draw(st.integers(1, 3))):
        *parents, last = draw(st.sampled_from([path for path in list_paths(payload) if path]))
        holder = payload
        for key in parents:
            holder = holder[key]
        if draw(st.booleans()):
            holder[last] = draw(json_values)
        else:
            del holder[last]
        if not any(list_paths(payload)):
            break
    return payload


def check_storable(payload):
    for batch in parse(payload):
        assert batch.items
        for item in batch.items:
            to_json(getattr(item, "payload", None))
            words = [batch.account]
            if isinstance(item, InboundMessage):
                assert 0 <= item.at < 2**63
                person = item.person
                words += [
                    item.provider_id,
                    item.kind,
                    item.text,
                    item.quoted_id,
                    item.edited_id,
                    item.revoked_id,
                ]
                words += [person.user_id, person.phone, person.name, person.username, item.group_id]
            if isinstance(item, Status):
                assert 0 <= item.at < 2**63
                words += [item.provider_id, item.status, item.key, item.error_code, item.error]
            for word in filter(None, words):
                assert "\0" not in word
                word.encode()


@quick
@given(json_values)
def test_no_json_value_makes_the_parser_raise(value):
    check_storable(value)
    check_storable({"entry": [{"changes": [{"field": "messages", "value": value}]}]})


@quick
@given(names, json_values)
def test_no_message_makes_the_parser_raise(field, value):
    message = {"id": "wamid.1", "from": "1", "type": field, field: value, "context": value}
    for name, key in (
        ("messages", "messages"),
        ("smb_message_echoes", "message_echoes"),
        ("history", "messages"),
    ):
        change = {"field": name, "value": {"contacts": value, key: [message], "statuses": [value]}}
        check_storable({"entry": [{"changes": [change]}]})


@quick
@given(mutate())
def test_no_mutation_of_a_real_webhook_makes_the_parser_raise(payload):
    check_storable(payload)
