"""Events: unique ids, limits of texts and data."""

import json

from app.logs.event import MAX_DATA_CHARS, EventIds, dump_data, get_sender_id, join_source, shorten_text


def test_no_id_comes_twice_also_in_another_process():
    first, second = EventIds(), EventIds()
    made = [ids.make_id() for ids in (first, second) for _ in range(100)]
    assert len(set(made)) == 200


def test_a_long_text_says_how_much_is_left_out():
    assert shorten_text("a" * 12, 10) == "a" * 10 + "… (2 more characters)"


def test_a_text_can_be_stored_in_either_database():
    assert shorten_text("a\0b\ud800") == "a\ufffdb?"


def test_data_too_large_stays_json_and_says_its_size():
    told = json.loads(dump_data({"a": "x" * MAX_DATA_CHARS}))
    assert told["characters"] > MAX_DATA_CHARS
    assert len(told["cut"]) < MAX_DATA_CHARS


def test_a_senders_id_comes_back_out_of_the_stored_one():
    assert get_sender_id(join_source("s12", "s3:dup")) == "s3:dup"
    assert get_sender_id(EventIds().make_id()).count("-") == 1
