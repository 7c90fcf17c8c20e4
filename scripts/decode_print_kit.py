"""Reads the print kit as a phone would: renders each sheet at 150 dpi and decodes its QR codes with a
reader that shares no code with the service. Names in other scripts must come out whole when two PDF readers, PDFium and
Poppler's pdftotext, copy them. Usage: decode_print_kit.py PATH/TO/practice-links [FOLDER for pictures]"""

import io
import json
import os
import re
import subprocess
import sys
import time
import urllib.request

import pypdfium2 as pdfium
import pypdfium2.raw as raw
import zxingcpp
from PIL import Image

from service import Service

DPI = 150
ORIGIN = "https://links.example.org"
NAME = "Centro Médico Niño Jesús & Söhne"
NAMES = {
    "arabic": "عيادة الأسنان",
    "urdu": "ڈاکٹر محمد علی کلینک لاہور",
    "hebrew": "מרפאת שיניים כהן",
    "devanagari": "श्री कृष्ण दंत चिकित्सालय",
    "bengali": "ঢাকা ডেন্টাল ক্লিনিক",
    "tamil": "தமிழ் பல் மருத்துவமனை",
    "thai": "คลินิกทันตกรรมรอยยิ้ม",
    "burmese": "ရန်ကုန် သွားဆေးခန်း",
    "armenian": "Ատամնաբույժ",
    "georgian": "სტომატოლოგი",
    "japanese": "さくら歯科",
    "chinese": "阳光牙科诊所",
    "korean": "서울 치과",
    "mixed": "Clinic さくら عيادة 123",
}
# PDFium puts the last letter of this one, whose vowel stands before it, behind the next line.
ONLY_POPPLER = {"tamil"}
SHEETS = {"poster.pdf": 1, "cards.pdf": 4, "tent.pdf": 2}
SLOWEST = 2.0
LEAST_QR_MM = 30.0
LEAST_TEXT = 24.0


def get(url, token):
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"})
    began = time.monotonic()
    with urllib.request.urlopen(request, timeout=10) as answer:
        body = answer.read()
    return body, time.monotonic() - began


def side_mm(code):
    """The longest side of a decoded code in millimeters, without the quiet zone."""
    at = code.position
    corners = [at.top_left, at.top_right, at.bottom_right, at.bottom_left]
    sides = [((a.x - b.x) ** 2 + (a.y - b.y) ** 2) ** 0.5 for a, b in zip(corners, corners[1:] + corners[:1])]
    return max(sides) / DPI * 25.4


def large_text(page):
    """All characters of at least 24 points, in reading order."""
    text = page.get_textpage()
    kept = []
    for n in range(text.count_chars()):
        if raw.FPDFText_GetFontSize(text.raw, n) >= LEAST_TEXT - 0.01:
            kept.append(chr(raw.FPDFText_GetUnicode(text.raw, n)))
    return re.sub(r"\s", "", "".join(kept))


def check_sheet(body, wanted, count, code):
    page = pdfium.PdfDocument(body)[0]
    found = zxingcpp.read_barcodes(page.render(scale=DPI / 72).to_pil())
    assert [code.text for code in found] == [wanted] * count, [code.text for code in found]
    for one in found:
        # The reader rounds corners to whole pixels, and a pixel is 0.17 mm.
        assert side_mm(one) >= LEAST_QR_MM - 0.2, f"{side_mm(one):.1f} mm"
    large = large_text(page)
    assert large.count(f"{ORIGIN.split('//')[1]}/{code}") == count, large
    assert large.count(code) >= 2 * count, "the code itself is not in large type"
    whole = re.sub(r"\s", "", page.get_textpage().get_text_range())
    assert re.sub(r"\s", "", NAME) in whole, whole


def copied(body):
    """The text of a sheet's first page as pdftotext and as PDFium copy it, without spaces and marks of direction."""
    poppler = subprocess.run(["pdftotext", "-enc", "UTF-8", "-", "-"], input=body, capture_output=True, check=True)
    for text in (poppler.stdout.decode(), pdfium.PdfDocument(body)[0].get_textpage().get_text_range()):
        yield re.sub("[\\s\u200e\u200f\u202a-\u202e\ufffe]", "", text)


def check_name(body, script, count):
    name = NAMES[script]
    # Words from left to right and from right to left change places in print, so they are looked for one by one.
    words = name.split() if "Clinic" in name else [re.sub(r"\s", "", name)]
    for text in list(copied(body))[: 1 if script in ONLY_POPPLER else 2]:
        for word in words:
            assert text.count(word) >= count, f"{word} is not {count} times in: {text}"


def check_names(service, folder):
    for script, name in NAMES.items():
        token = service.staff_token(name, f"{script}@b.example")
        link = json.loads(get(f"{service.url}/v1/practice/links", token)[0])["items"][0]
        for file, count in SHEETS.items():
            body, _ = get(f"{service.url}/v1/practice/links/{link['id']}/{file}", token)
            # PDFium and Poppler do not agree on words that stand upside down, as on one face of the tent.
            check_name(body, script, 1 if file == "tent.pdf" else count)
            if folder:
                picture = pdfium.PdfDocument(body)[0].render(scale=1.5).to_pil()
                picture.save(os.path.join(folder, f"{script}-{file.split('.')[0]}.png"))
        print(f"{script}: {name}")


def modules_of_svg(svg):
    side = int(re.search(r'viewBox="0 0 (\d+) \1"', svg).group(1))
    dark = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", svg)}
    return side, dark


def check_pictures(svg, png, wanted):
    picture = Image.open(io.BytesIO(png)).convert("L")
    assert picture.width >= 1000, picture.width
    assert [code.text for code in zxingcpp.read_barcodes(picture)] == [wanted]
    side, dark = modules_of_svg(svg)
    scale = picture.width // side
    for y in range(side):
        for x in range(side):
            is_dark = picture.getpixel((x * scale + scale // 2, y * scale + scale // 2)) < 128
            assert is_dark == ((x, y) in dark), f"SVG and PNG differ at {x}, {y}"
            is_quiet = min(x, y, side - 1 - x, side - 1 - y) < 4
            assert not (is_dark and is_quiet), "the quiet zone has dark modules"


def check_all(url, token):
    link = json.loads(get(f"{url}/v1/practice/links", token)[0])["items"][0]
    wanted = f"{ORIGIN}/Q/{link['code']}".upper()
    base = f"{url}/v1/practice/links/{link['id']}"
    svg, png = (get(f"{base}/{file}", token)[0] for file in ("qr.svg", "qr.png"))
    check_pictures(svg.decode(), png, wanted)
    for file, count in SHEETS.items():
        for paper in ("letter", "a4"):
            for language in ("en", "es", "fr-CA"):
                body, seconds = get(f"{base}/{file}?paper={paper}&language={language}", token)
                assert seconds <= SLOWEST, f"{file}: {seconds:.2f} s"
                check_sheet(body, wanted, count, link["code"])
                print(f"{file} {paper} {language}: {count} × {wanted}, {len(body)} bytes in {seconds * 1000:.0f} ms")


if __name__ == "__main__":
    with Service(sys.argv[1], public_url=ORIGIN) as service:
        check_all(service.url, service.staff_token(NAME))
        check_names(service, sys.argv[2] if len(sys.argv) > 2 else None)
    print("every code was decoded, and every name was copied whole")
