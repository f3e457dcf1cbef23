"""Language of a message: by its script, and for Latin letters by its most frequent small words."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from app.brains.nlu.normalise import clean
from app.unicode import INDEX_OPTIONS, cut_words, fold

# First and last character of a script that one language is mostly written in.
_SCRIPTS: Final = (
    ("\u0370", "\u03ff", "el"),
    ("\u0400", "\u052f", "ru"),
    ("\u0530", "\u058f", "hy"),
    ("\u0590", "\u05ff", "he"),
    ("\u0600", "\u06ff", "ar"),
    ("\u0900", "\u097f", "hi"),
    ("\u0980", "\u09ff", "bn"),
    ("\u0a00", "\u0a7f", "pa"),
    ("\u0a80", "\u0aff", "gu"),
    ("\u0b80", "\u0bff", "ta"),
    ("\u0c00", "\u0c7f", "te"),
    ("\u0c80", "\u0cff", "kn"),
    ("\u0d00", "\u0d7f", "ml"),
    ("\u0e00", "\u0e7f", "th"),
    ("\u10a0", "\u10ff", "ka"),
    ("\u1200", "\u137f", "am"),
    ("\u3040", "\u30ff", "ja"),
    ("\u4e00", "\u9fff", "zh"),
    ("\uac00", "\ud7af", "ko"),
)
# Letters that tell another language of the same script.
_LETTERS: Final = (("ru", "їєіґ", "uk"), ("ar", "پچژگ", "fa"), ("ar", "ٹڈڑے", "ur"))
_WORDS: Final[Mapping[str, str]] = {
    "en": "the is are my i you what when where how can do does a an to of in it for and not have has was please want need "
    "this that with your me we be on at if will would could should there which why who help hello thanks am been much many "
    "any from get still did or yes order today tomorrow open close",
    "es": "el la los las un una es son mi mis yo tu usted que cuando donde como puedo puede de en y no para por con se lo "
    "quiero necesito esta este estan hay cuanto cuesta gracias hola buenos dias tiene tengo mas pero si cual quien su al del "
    "pedido hoy manana ya me te",
    "pt": "o os as um uma e sao meu minha eu voce que quando onde como posso pode de em nao para por com se quero preciso esta "
    "este quanto custa obrigado obrigada ola bom dia tem tenho mais mas sim qual quem seu ao do da no na pedido hoje amanha ja "
    "me isso voces ate",
    "fr": "le la les un une est sont mon ma mes je vous tu que quand ou comment puis peut de en et ne pas pour par avec se veux "
    "voudrais besoin cette ce combien coute merci bonjour salut avez ai plus mais oui quel quelle qui votre au du des "
    "commande aujourd hui demain il elle nous suis dans sur j l d c qu",
    "de": "der die das ein eine ist sind mein meine ich sie du was wann wo wie kann konnen von in und nicht fur mit will mochte "
    "brauche diese dieser wieviel kostet danke hallo guten tag haben habe hat mehr aber ja welche wer ihr zum zur den dem "
    "bestellung heute morgen es wir bin auf an noch bitte mir",
    "it": "il lo la gli le un una e sono mio mia io tu lei che quando dove come posso puo di in non per con si voglio vorrei "
    "bisogno questo questa quanto costa grazie ciao buongiorno avete ho ha piu ma quale chi suo al del della ordine oggi "
    "domani mi ti ci",
    "nl": "de het een is zijn mijn ik u jij wat wanneer waar hoe kan kunnen van in en niet voor met wil graag nodig deze dit "
    "hoeveel kost dank hallo goedemorgen heeft heb meer maar ja welke wie uw naar bestelling vandaag morgen je er op te nog",
    "id": "yang di ke dari dan ini itu saya aku kamu anda apa kapan dimana mana bagaimana bisa tidak untuk dengan mau ingin "
    "perlu berapa harga terima kasih halo selamat ada sudah belum lagi tapi ya siapa pesanan hari besok kak dong nya gak",
    "tr": "bir bu ve icin ne zaman nerede nasil mi mu var yok degil ben sen siz ile daha cok ama evet hayir hangi kim siparis "
    "bugun yarin istiyorum lazim kac tesekkurler merhaba gunaydin benim sizin olarak gibi miyim misiniz",
    "pl": "i w na z nie jest sa moj moja ja ty pan pani co kiedy gdzie jak moge moze do dla chce potrzebuje ten ta to ile "
    "kosztuje dziekuje czesc dzien dobry ma mam wiecej ale tak ktory kto zamowienie dzis jutro prosze sie czy",
    "hi-Latn": "hai hain mera meri mere main mujhe aap tum kya kab kahan kaise kar karo kare karna nahi nahin ke ki ka ko se "
    "mein chahiye kitna kitne kitni paisa dhanyavad namaste kaun aaj kal bhai ho hua gaya raha rahi abhi tak bhi hi toh kyu "
    "kyun yeh woh batao dijiye sakta sakte",
}  # fmt: skip
_BY_WORD: Final[dict[str, list[str]]] = {}
for _language, _listed in _WORDS.items():
    for _word in set(_listed.split()):
        _BY_WORD.setdefault(_word, []).append(_language)


def detect_language(text: str) -> str:
    """Return the language of a message as a code, such as en or pt; hi-Latn is Hindi in Latin letters.

    Empty where nothing tells it, as in a number, a name or one word that several languages have.
    """
    folded = fold(clean(text))
    found = Counter(code for letter in folded if (code := _find_script(letter)))
    if found and found.most_common(1)[0][1] * 2 >= sum(map(str.isalpha, folded)):
        return _tell_apart(found, folded)
    return _find_by_words([word.text for word in cut_words(fold(folded, INDEX_OPTIONS))])


def _find_script(letter: str) -> str:
    if letter < "\u0370" or not letter.isalpha():
        return ""
    return next((code for first, last, code in _SCRIPTS if first <= letter <= last), "")


def _tell_apart(found: Counter[str], text: str) -> str:
    if found["ja"]:
        return "ja"  # Chinese signs stand in Japanese, not the other way round
    best = found.most_common(1)[0][0]
    return next((code for script, signs, code in _LETTERS if script == best and any(s in text for s in signs)), best)


def _find_by_words(words: list[str]) -> str:
    """Return the language that most of the words belong to, a word of fewer languages counting more."""
    scores: Counter[str] = Counter()
    for word in words:
        listed = _BY_WORD.get(word, ())
        for code in listed:
            scores[code] += 12 // len(listed)
    ranked = scores.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return ""
    return ranked[0][0]
