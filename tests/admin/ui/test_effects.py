from app.admin.ui import effects
from app.admin.ui.effects import format_effects
from app.brains.effects import model


def test_effects_are_written_as_lines():
    menu = model.Menu("Pick", (model.Section("", (model.Row("a", "A", "first"), model.Row("b", "B"))),))
    decided = [
        model.Reply("Hi", model.build_buttons(["Yes", "No"]), quote=True, header="Head", footer="Foot"),
        model.Reply("Choose", menu=menu),
        model.Media("image", "https://x.example/a.png", "A cat", "a.png"),
        model.Media("audio", "https://x.example/a.ogg", voice=True),
        model.React("👍"),
        model.React(""),
        model.Remember("contact", "n", 1),
        model.Schedule("c1", 2_000),
    ]
    assert format_effects(decided, {"c1": "Later"}, 1_000).split("\n") == [
        "Head", "Hi", "Foot", "Quotes the message", "Buttons: Yes, No", "Choose", "List “Pick”: A (first), B",
        "Photo: a.png https://x.example/a.png", "A cat", "Voice message: https://x.example/a.ogg",
        "Reacts with 👍", "Takes its reaction back", "Remembers n = 1 for this contact", "Runs “Later” in 1 s",
    ]  # fmt: skip


def test_every_effect_has_words():
    decided = [
        model.Remember("brain", "open", value=True, ttl=None),
        model.Increment("chat", "points", -2),
        model.Forget("contact", "city"),
        model.Cancel("tea"),
        model.Handoff(),
        model.Schedule("c1", 5_400_000, {"n": 1}),
        model.Cool("c1", "contact:7", 60_000),
        model.React("👍"),
        model.React(""),
    ]
    assert [each.words for each in effects.describe_effects(decided, {"c1": "Remind"}, 0)] == [
        "Remembers open = true for everybody",
        "Takes 2 from points for this chat",
        "Forgets city for this contact",
        "Cancels what is scheduled as “tea”",
        "Hands over to a person",
        "Runs “Remind” in 1 h 30 min with n = 1",
        "Rests for this contact for 1 min",
    ]
    assert effects.get_reactions(decided) == []
    assert effects.format_value("x" * 500).endswith("…")
