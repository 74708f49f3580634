"""The part of cmd.exe that a command line over ssh can use: quotes, ^, %NAME%, & && ||, and redirection to nul."""

import re


def split_commands(line):
    """[(operator before, text)], operators outside quotes only; ^ escapes the next character."""
    parts, operator, text, quoted, i = [], "", "", False, 0
    while i < len(line):
        c = line[i]
        if c == "^" and not quoted and i + 1 < len(line):
            text += "\0" + line[i + 1]
            i += 2
            continue
        if c == '"':
            quoted = not quoted
        if c in "&|" and not quoted:
            parts.append((operator, text))
            operator = line[i:i + 2] if line[i:i + 2] in ("&&", "||") else c
            i, text = i + len(operator), ""
            continue
        text, i = text + c, i + 1
    parts.append((operator, text))
    return parts


def redirections(text):
    """Take >nul, 2>nul, 2>&1 (the & is already gone for other uses) off a command: rest, muted descriptors, other files."""
    muted, files = set(), []

    def take(match):
        fd, target = int(match[1] or 1), match[2].strip('"')
        if target.lower() == "nul":
            muted.add(fd)
        else:
            files.append((fd, target))
        return " "

    rest = re.sub(r'(?<!\0)(?:(?<=\s)|^|(?<=\S))([12]?)>>?\s*("[^"]*"|[^\s"]+)', take, text)
    return rest.replace("\0", ""), muted, files


def words(text):
    """Words as a C program's argv: quotes group, and are removed; \\" is a quote."""
    found, word, quoted, i = [], None, False, 0
    while i < len(text):
        c = text[i]
        if c == "\\" and text[i + 1:i + 2] == '"':
            word, i = (word or "") + '"', i + 2
            continue
        if c == '"':
            quoted, word = not quoted, word or ""
        elif c in " \t\r\n" and not quoted:
            if word is not None:
                found.append(word)
            word = None
        else:
            word = (word or "") + c
        i += 1
    return found + ([word] if word is not None else [])


def expand(text, variables):
    """%NAME%; an unknown name stays as it is on a command line."""
    return re.sub(r"%(\w+)%", lambda match: variables.get(match[1].upper(), match[0]), text)
