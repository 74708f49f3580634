"""What the Bourne shell of Solaris 10 (/bin/sh, /sbin/sh) refuses and dash would accept.

The text is judged before dash runs it. That is stricter than the real shell, which notices some of it only when it
gets there; a script that passes here has nothing that the old shell would stumble over.
"""

import re

SPECIAL_WORDS = {"then", "do", "else", "elif", "if", "while", "until", "{", "(", "&&", "||", ";", "|", "&", "\n"}


def _tokens(text):
    """Words with their quoting removed (and whether any was quoted), operators, newlines; raises on a refusal."""
    word, quoted, i = None, False, 0
    while i < len(text):
        c = text[i]
        if c == "\\" and i + 1 < len(text):
            word, quoted, i = (word or "") + text[i + 1], True, i + 2
            continue
        if c == "'":
            end = text.find("'", i + 1)
            end = len(text) if end < 0 else end
            word, quoted, i = (word or "") + text[i + 1:end], True, end + 1
            continue
        if c == '"':
            i += 1
            word, quoted = word or "", True
            while i < len(text) and text[i] != '"':
                _expansion(text, i)
                if text[i] == "\\":
                    i += 1
                word += text[i:i + 1]
                i += 1
            i += 1
            continue
        _expansion(text, i)
        if c == "^":
            raise SyntaxError("syntax error: `^' is a pipe")
        if c in " \t\n;&|(){}<>" and not (c in "{}" and word is not None):
            if word is not None:
                yield word, quoted
            word, quoted = None, False
            if c not in " \t":
                yield c, False
            i += 1
            continue
        if c == "#" and word is None:
            i = text.find("\n", i)
            if i < 0:
                return
            continue
        word, i = (word or "") + c, i + 1
    if word is not None:
        yield word, quoted


def _expansion(text, i):
    if text.startswith("$(", i):
        raise SyntaxError("syntax error: `(' unexpected")
    if re.match(r"\$\{[A-Za-z_0-9@*#?]+[#%]", text[i:]):
        raise SyntaxError("bad substitution")


def judge(text):
    """None, or the complaint of the old shell."""
    try:
        words, start = [], True
        for word, quoted in _tokens(text):
            if word in SPECIAL_WORDS and not quoted:
                complaint = _judge_command(words)
                if complaint:
                    return complaint
                words, start = [], True
                continue
            if start and not quoted and re.match(r"[A-Za-z_][A-Za-z_0-9]*=", word):
                continue
            start = False
            words.append(word)
        return _judge_command(words)
    except SyntaxError as refusal:
        return str(refusal)


def _judge_command(words):
    if not words:
        return None
    name, rest = words[0], words[1:]
    if name in ("!", "[[", "local", "function", "declare", "select"):
        return f"{name}: not found"
    if name in ("[", "test"):
        for bad in ("-e", "-nt", "-ot", "-ef", "=="):
            if bad in rest[:-1]:
                return "test: argument expected"
    if name in ("export", "readonly"):
        for word in rest:
            if "=" in word:
                return f"{word}: is not an identifier"
    if name == "read" and rest and rest[0].startswith("-"):
        return f"{rest[0]}: is not an identifier"
    if name == "trap":
        for word in rest[1:]:
            if not word.isdigit():
                return "trap: bad trap"
    if name == "cd" and rest and rest[0] in ("-P", "-L", "--", "-"):
        return f"{rest[0]}: does not exist"
    return None
