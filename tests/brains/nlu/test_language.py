"""The language of a message is told by its script or its small words, and not guessed."""

import pytest

from app.brains.nlu.language import detect_language, is_small_word


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("where is my order?", "en"), ("¿dónde está mi pedido?", "es"), ("onde está o meu pedido", "pt"),
        ("où est ma commande", "fr"), ("wo ist meine Bestellung?", "de"), ("dov'è il mio ordine", "it"),
        ("waar is mijn bestelling", "nl"), ("di mana pesanan saya", "id"), ("siparişim ne zaman gelecek", "tr"),
        ("mera order kahan hai", "hi-Latn"), ("अपना ऑर्डर कहाँ है", "hi"), ("أين طلبي", "ar"), ("где мой заказ", "ru"),
        ("де моє замовлення, її", "uk"), ("注文はどこですか", "ja"), ("我的订单在哪里", "zh"),
        ("내 주문은 어디에", "ko"),
        ("12345", ""), ("👍", ""), ("", ""), ("xyzzy", ""), ("\ud800\0", ""),
    ],
)  # fmt: skip
def test_the_language_of_a_message(text: str, language: str):
    assert detect_language(text) == language


def test_small_words_are_those_of_any_language():
    assert [word for word in ("the", "wo", "parrot", "envio", "donde") if is_small_word(word)] == [
        "the",
        "wo",
        "donde",
    ]
