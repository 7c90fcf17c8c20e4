"""Reads the proof pack of a conversation with a PDF reader that shares no code with the service. One page
must show the patient, how the practice verified the identity, and the evidence, in English and Spanish, must show
a name in its own script, and must mark one that was transliterated. Usage: read_proof_pack.py PATH/TO/practice-links [FOLDER for
pictures]"""

import os
import re
import sys
import urllib.request

import pypdfium2 as pdfium

from service import PHONE, Service

PATIENT = {"given_name": "Zoë", "family_name": "Müller-Ñandú", "birth_date": "1987-05-31", "email": "zoe@example.org"}
# Others by number: in their own script, and in one that no face has (Mongolian), where the page must say that the Latin
# letters are a transliteration.
OTHERS = {
    "+14155552672": ("محمد", "علي", "محمد علي"),
    "+14155552673": ("さくら", "山田", "さくら 山田"),
    "+14155552674": ("श्रीकृष्ण", "शर्मा", "श्रीकृष्ण शर्मा"),
    "+14155552675": ("ᠮᠣᠩᠭᠣᠯ", "ᠪᠠᠲᠤ", None),
}
LATIN = {"en": "(written here in Latin letters)", "es": "(escrito aquí en letras latinas)"}
NOTE = "Called back at the number on record. "
DECISIONS = [("confirm", "call_back"), ("undo", None)] * 6
LANGUAGES = {
    "en": ["Zoë Müller-Ñandú", "zoe@example.org", "Ana", "How they connected typed the code", "Compare the number and e-mail with your records."],
    "es": ["Zoë Müller-Ñandú", "zoe@example.org", "Ana", "Cómo le llegó escribió el código", "Compare el número y el correo con sus fichas."],
}
# Values of the API: none of them may appear on a page for people.
RAW = ["typed", "in_person", *{word for pair in DECISIONS for word in pair if word}]


def decide(service, at, token):
    """Confirms the identity and undoes it, more often than one page has room for."""
    for kind, method in DECISIONS:
        body = {"decision": kind, "note": NOTE * 10} | ({"method": method} if method else {})
        service.call("POST", f"{at}/identity/decisions", body, token)
    service.call("POST", f"{at}/identity/decisions", {"decision": "confirm", "method": "in_person"}, token)


def proof(service, at, token, language):
    headers = {"authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{service.url}{at}/proof.pdf?language={language}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["content-type"] == "application/pdf"
        return pdfium.PdfDocument(answer.read())


def raw_words(text, language):
    """The API values outside of quotes. Some are English words, so in English only an underscore counts."""
    text = re.sub("“[^”]*”", "", text)
    told = re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", text)
    return told if language == "en" else told + [word for word in RAW if re.search(rf"\b{word}\b", text)]


def text_of(document):
    assert len(document) == 1, f"{len(document)} pages"
    # Line breaks are joined, so that words on different lines are found together.
    return re.sub(r"\s+", " ", document[0].get_textpage().get_text_range())


def check(document, language, link_code):
    text = text_of(document)
    assert LATIN[language] not in text, f"a name is marked that needs no transliteration: {text}"
    for words in [*LANGUAGES[language], PHONE, link_code]:
        assert words in text, f"{words} is not in: {text}"
    assert not raw_words(text, language), f"{raw_words(text, language)} in: {text}"
    assert re.search(r"\d+, [\w-]{43}\.$", text), f"the audit chain's last hash is missing: {text[-200:]}"


def check_other(document, language, name):
    """Without a name, the mark follows the Latin letters, in the language of the page, and appears only once."""
    text = text_of(document)
    if name:
        assert name in text and LATIN[language] not in text, f"{name} is not in: {text}"
    else:
        assert re.search(r"monggol \w+ " + re.escape(LATIN[language]), text), f"no mark at the name in: {text}"
        assert text.count(LATIN[language]) == 1, f"more than one mark in: {text}"


def walk(binary, folder):
    with Service(binary) as service:
        token = service.staff_token("Elm Dental")
        link = service.call("GET", "/v1/practice/links", bearer=token)["items"][0]
        made = service.sign_up(link["code"], PATIENT)
        at = f"/v1/practice/conversations/{made['conversation']['id']}"
        decide(service, at, token)
        for language in LANGUAGES:
            document = proof(service, at, token, language)
            if folder:
                document[0].render(scale=2).to_pil().save(os.path.join(folder, f"proof-{language}.png"))
            check(document, language, link["code"])
        for phone, (given, family, name) in OTHERS.items():
            person = {"given_name": given, "family_name": family, "birth_date": "1990-01-02", "email": "a@example.org"}
            other = service.sign_up(link["code"], person, phone)
            for language in LANGUAGES:
                page = proof(service, f"/v1/practice/conversations/{other['conversation']['id']}", token, language)
                check_other(page, language, name)


if __name__ == "__main__":
    walk(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    print("the proof pack shows everything on one page, in both languages")
