"""Folded texts: what makes no difference, and positions that lead back to what was written."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.unicode import FoldedText, FoldOptions, fold

OPTIONS = [FoldOptions(case, accents) for case in (True, False) for accents in (True, False)]
# Characters that fold to more or fewer than one, join their neighbours, or cannot be seen.
DIFFICULT = (
    "aAeEßẞİıiIΣσςάΆǰΐﬁﬃ½´ŉſKÅşŞ\u0301\u0307\u0345\u0327\u0323\u200d\u200c\u200e\u202e\ufeff\u00ad\ufe0f\u3164ｶﾞガ가\u1100"
    "\u1161\u11a8ㅏㄱ❤👨👩🏽🏴\U000e0067\U000e007f🇩🇪 !_1\u20e3काम\u0940\u094d\u093cกิน่你好予約សួស្តីမြန်မာ\ufdfaسلامٌـ\u0651"
    "'’‘“”«»´ʼʻ٣३௩๓０９𝟟²"
)
TEXTS = st.text(st.one_of(st.sampled_from(DIFFICULT), st.characters(exclude_categories=["Cs"])), max_size=16)


@given(TEXTS, st.sampled_from(OPTIONS))
@settings(max_examples=600, deadline=None)
def test_the_original_up_to_a_place_folds_to_the_fold_up_to_there(text: str, options: FoldOptions):
    folded = FoldedText(text, options)
    for position in range(len(folded.text) + 1):
        place = folded.get_boundary(position)
        if place is not None:
            assert fold(text[:place], options) == folded.text[:position]
    assert folded.get_boundary(len(folded.text)) == len(text)


@given(TEXTS, st.sampled_from(OPTIONS), st.sampled_from(["NFC", "NFD"]))
@settings(max_examples=400, deadline=None)
def test_folding_again_or_another_way_of_typing_changes_nothing(text: str, options: FoldOptions, form):
    folded = fold(text, options)
    assert fold(folded, options) == folded
    assert fold(unicodedata.normalize(form, text), options) == folded


@given(TEXTS, st.integers(0, 16), st.sampled_from("\u200b\u200e\u200f\u202a\u2066\ufeff\u00ad\u3164\ufe0f"))
@settings(max_examples=300, deadline=None)
def test_signs_nobody_sees_make_no_difference_to_letters(text: str, at: int, sign: str):
    letters = "".join(each for each in text if each.isalpha())
    assert fold(letters[:at] + sign + letters[at:]) == fold(letters)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("STRASSE", "straße"),
        ("ΟΔΟΣ", "οδος"),
        ("İSTANBUL", "istanbul"),
        ("YARDIM", "yardım"),
        ("！ＨＥＬＰ", "!help"),
        ("❤️", "❤"),
        ("cafe\u0301", "CAFÉ"),
        ("می\u200cخواهم", "میخواهم"),
        ("Don’t", "don't"),
        ("don‘t don´t donʼt don＇t", "don't don't don't don't"),
        ("“yes” „ja“ «oui»", '"yes" "ja" "oui"'),
        ("٣ ۳ ३ ３ ௩ ๓ 𝟛", "3 3 3 3 3 3 3"),
        ("item ١٢", "item 12"),
    ],
)
def test_what_a_person_takes_for_the_same_is_the_same(one: str, other: str):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("👨‍👩‍👧", "👨👩👧"),
        ("が", "か"),
        ("cafe", "café"),
        ("कि", "क"),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴"),
        ("三", "3"),
        ("Ⅲ", "3"),
        ("don't", "dont"),
        ("5″", '5"'),
    ],
)
def test_what_carries_meaning_is_kept(one: str, other: str):
    assert fold(one) != fold(other)


def test_accents_are_ignored_on_request_and_capitals_may_count():
    assert fold("Crème Καλημέρα", FoldOptions(ignore_accents=True)) == "creme καλημερα"
    assert fold("Cafe\u0301", FoldOptions(ignore_case=False)) == "Café"
