"""Words in every script: their edges, and the words of the index that find each part of a text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.unicode import INDEX_OPTIONS, Word, build_phrase, cut_words, fold, is_word_edge, join_index_words


@pytest.mark.parametrize(
    ("text", "position", "edge"),
    [
        ("this hi", 5, True),
        ("this", 2, False),
        ("कामी", 3, False),
        ("काम है", 3, True),
        ("你好吗", 2, True),
        ("กินข้าว", 1, False),
        ("iPhone手机", 6, True),
        ("snake_case", 5, False),
        ("привет", 3, False),
        ("e\u0301t", 1, False),
    ],
)
def test_words_end_where_a_reader_sees_it(text: str, position: int, edge: bool):
    assert is_word_edge(text, position) is edge


@pytest.mark.parametrize(
    ("text", "search", "found"),
    [
        ("明日の予約をキャンセルしたい", "予約", True),
        ("明日の予約をキャンセルしたい", "約", True),
        ("明日の予約をキャンセルしたい", "約予", False),
        ("मुझे हिन्दी में जवाब चाहिए", "हिन्दी", True),
        ("मुझे हिन्दी में जवाब चाहिए", "हन", False),
        ("Καλημέρα σας", "καλημερα", True),
        ("ฉันอยากจองโต๊ะ", "จองโต๊ะ", True),
        ("iPhone手机壳", "手机", True),
        ("手机iPhone", "手机iphone", True),
        ("great ❤️ thanks", "❤", True),
        ("foo_bar", "bar", True),
        ("straße 12", "STRASSE", True),
    ],
)
def test_a_search_finds_words_of_every_script(text: str, search: str, found: bool):
    assert _finds(search, text) is found


@given(st.text(st.sampled_from("予約กินข้าวสวัสดีမြန်မာ你好 "), min_size=1, max_size=12), st.data())
@settings(max_examples=300, deadline=None)
def test_each_run_of_letters_is_found_in_scripts_without_spaces(text: str, data: st.DataObject):
    folded = fold(text, INDEX_OPTIONS)
    edges = [at for at in range(len(folded) + 1) if is_word_edge(folded, at)]
    start = data.draw(st.sampled_from(edges))
    part = folded[start : data.draw(st.sampled_from(edges))].split()
    assert all(_finds(word, text) for word in part if word[0].isalpha())


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_the_index_holds_the_words_that_a_search_reads(text: str):
    folded = fold(text, INDEX_OPTIONS)
    for word in cut_words(folded):
        assert word.text in join_index_words(folded).split() or len(word.text) == 1


def _finds(search: str, text: str) -> bool:
    phrase = build_phrase(fold(search, INDEX_OPTIONS), is_open=True)
    words = join_index_words(fold(text, INDEX_OPTIONS)).split()
    indexed = [Word(word, 0, len(word)) for word in words]
    return phrase is not None and any(True for _ in phrase.find_places(indexed))
