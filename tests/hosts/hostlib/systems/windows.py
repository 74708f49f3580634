"""Windows: cmd.exe as the login shell, netsh, reg, ver, netstat. What it prints is localised and ends in CRLF."""

import re

from ..answer import Answer
from . import cmd_exe
from .base import System, number, sample

PARAMETERS = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
ROOTS = {"HKLM": "HKEY_LOCAL_MACHINE", "HKCU": "HKEY_CURRENT_USER"}

# show dynamicport: heading, start, count. English and French are as seen; German and Chinese as quoted by users.
DYNAMIC_PORT = {
    "en": ("\nProtocol {} Dynamic Port Range\n", "Start Port      : {}\n", "Number of Ports : {}\n\n"),
    "fr": ("\nPlage de ports dynamique du protocole {}\n", "Port de démarrage   : {}\n", "Nombre de ports     : {}\n\n"),
    "de": ("\nProtokoll {} Dynamischer Portbereich\n", "Startport      : {}\n", "Anzahl von Ports : {}\n\n"),
    "zh": ("\n协议 {} 动态端口范围\n", "启动端口        : {}\n", "端口数          : {}\n\n"),
}
EXCLUDED = {
    "en": ("\nProtocol {} Port Exclusion Ranges\n\n", "Start Port    End Port      \n", "* - Administered port exclusions.\n\n"),
    "fr": ("\nPlages d’exclusion de ports du protocole {}\n\n", "Port de début  Port de fin\n", "* - Exclusions de ports administrés.\n\n"),
    "de": ("\nPortausschlussbereiche für Protokoll {}\n\n", "Startport     Endport       \n", "* – Verwaltete Portausschlüsse.\n\n"),
    "zh": ("\n协议 {} 端口排除范围\n\n", "开始端口    结束端口      \n", "* - 管理的端口排除。\n\n"),
}
TEXTS = {
    "en": {"ok": "Ok.\n\n", "parameter": "The parameter is incorrect.\n\n", "missing": "The system cannot find the file specified.\n\n",
           "elevation": "The requested operation requires elevation (Run as administrator).\n\n",
           "in use": "The process cannot access the file because it is being used by another process.\n\n",
           "unknown": "'{}' is not recognized as an internal or external command,\noperable program or batch file.\n",
           "netsh unknown": "The following command was not found: {}.\n",
           "reg missing": "\nERROR: The system was unable to find the specified registry key or value.\n",
           "reg ok": "The operation completed successfully.\n", "reg denied": "ERROR: Access is denied.\n", "version": "Version"},
    "fr": {"ok": "Ok.\n\n", "parameter": "Paramètre incorrect.\n\n", "missing": "Le fichier spécifié est introuvable.\n\n",
           "elevation": "L’opération demandée nécessite une élévation (Exécuter en tant qu’administrateur).\n\n",
           "in use": "Le processus ne peut pas accéder au fichier car ce fichier est utilisé par un autre processus.\n\n",
           "unknown": "'{}' n’est pas reconnu en tant que commande interne\nou externe, un programme exécutable ou un fichier de commandes.\n",
           "netsh unknown": "La commande suivante est introuvable : {}.\n",
           "reg missing": "\nERREUR : le système n’a pas trouvé la clé ou la valeur de Registre spécifiée.\n",
           "reg ok": "L’opération a réussi.\n", "reg denied": "ERREUR : accès refusé.\n", "version": "version"},
    "de": {"ok": "OK.\n\n", "parameter": "Falscher Parameter.\n\n", "missing": "Das System kann die angegebene Datei nicht finden.\n\n",
           "elevation": "Der angeforderte Vorgang erfordert erhöhte Rechte (Als Administrator ausführen).\n\n",
           "in use": "Der Prozess kann nicht auf die Datei zugreifen, da sie von einem anderen Prozess verwendet wird.\n\n",
           "unknown": "Der Befehl \"{}\" ist entweder falsch geschrieben oder\nkonnte nicht gefunden werden.\n",
           "netsh unknown": "Der folgende Befehl wurde nicht gefunden: {}.\n",
           "reg missing": "\nFEHLER: Der angegebene Registrierungsschlüssel bzw. Wert wurde nicht gefunden.\n",
           "reg ok": "Der Vorgang wurde erfolgreich beendet.\n", "reg denied": "FEHLER: Zugriff verweigert\n", "version": "Version"},
    "zh": {"ok": "确定。\n\n", "parameter": "参数错误。\n\n", "missing": "系统找不到指定的文件。\n\n",
           "elevation": "请求的操作需要提升(作为管理员运行)。\n\n", "in use": "另一个程序正在使用此文件，进程无法访问。\n\n",
           "unknown": "'{}' 不是内部或外部命令，也不是可运行的程序\n或批处理文件。\n", "netsh unknown": "找不到下列命令: {}。\n",
           "reg missing": "\n错误: 系统找不到指定的注册表项或值。\n", "reg ok": "操作成功完成。\n", "reg denied": "错误: 拒绝访问。\n",
           "version": "版本"},
}


class WindowsBase(System):
    path = "/windows/system32"
    root_shell = "/windows/system32/cmd.exe"
    user_shell = "/windows/system32/cmd.exe"
    shells = {"/windows/system32/cmd.exe": "cmd"}
    utilities = {}
    code_page = "utf-8"
    autorun = ""
    powershell = False

    def __init__(self, release=None, lang="en", code_page=None):
        self.code_page = code_page or self.code_page
        self.status = 0
        super().__init__(release, lang)

    def make_uname(self):
        return {}

    def paths(self):
        return list(self.shells)

    def text(self, key, *arguments):
        return TEXTS[self.lang][key].format(*arguments)

    # cmd.exe

    def cmd(self, call):
        """`cmd.exe -c "line"` is how sshd calls it (`/c` is the same)."""
        words = call.options
        line = " ".join(words[1:]) if words and words[0].lower() in ("-c", "/c") else " ".join(words)
        answer = Answer(self.autorun)
        self.status = 0
        if self.powershell:
            self._powershell(call, answer, line)
        else:
            self._line(call, answer, line)
        answer.pieces = [(fd, data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")) for fd, data in answer.pieces]
        answer.status = self.status
        return answer

    def _powershell(self, call, answer, line):
        """Windows PowerShell 5.1 as the default shell of OpenSSH: & is no separator, ver and exec are no commands. Its own cmdlets
        are not here: what runs is a program, and its status is 0 or 1."""
        outside = re.sub(r"""'[^']*'|"[^"]*\"""", "", line)
        name, _, rest = line.partition(" ")
        self.status = 1
        if "&" in outside or "||" in outside:
            answer.err("The ampersand (&) character is not allowed. The & operator is reserved for future use; wrap an ampersand in double "
                       "quotation marks (\"&\") to pass it as part of a string.\n    + FullyQualifiedErrorId : AmpersandNotAllowed\n")
        elif name.lower().removesuffix(".exe") not in ("cmd", "netsh", "reg", "netstat", "whoami"):
            answer.err(f"{name} : The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program.\n")
        else:
            self._line(call, answer, name + " " + rest.replace("'", '"'))
            self.status = min(self.status, 1)

    def _line(self, call, answer, line):
        variables = {"SYSTEMROOT": r"C:\Windows", "ERRORLEVEL": "0", "OS": "Windows_NT", "COMSPEC": r"C:\Windows\system32\cmd.exe"}
        line = cmd_exe.expand(line, variables)
        for operator, text in cmd_exe.split_commands(line.replace("2>&1", "2>*1").replace("1>&2", "1>*2")):
            if (operator == "&&" and self.status) or (operator == "||" and not self.status):
                continue
            rest, muted, files = cmd_exe.redirections(text)
            one = self._command(call, rest.strip().lstrip("@(").rstrip(")"))
            if one is None:
                continue
            self.status = one.status
            for fd, data in one.pieces:
                to = 1 if (2, "*1") in files and fd == 2 else 2 if (1, "*2") in files and fd == 1 else fd
                if fd not in muted:
                    answer._add(to, data.decode("utf-8", "surrogateescape").encode(self.code_page, "replace"))

    def _command(self, call, text):
        words = cmd_exe.words(text)
        if not words:
            return None
        name = words[0].lower().replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".exe")
        call.windows = [name, *words[1:]]
        if name == "cmd":
            nested = text.split(None, 2)
            inner = Answer()
            self._line(call, inner, nested[2].strip('"') if len(nested) > 2 else "")
            return Answer(inner.text(1), inner.text(2), self.status)
        if name == "echo" or name == "echo.":
            return Answer(text[len("echo"):].strip() + "\n")
        if name == "exit":
            return Answer(status=int(words[-1]) if words[-1].isdigit() else self.status)
        handler = {"ver": self.ver, "netsh": self.netsh, "reg": self.reg, "netstat": self.netstat_ano, "whoami": self.whoami,
                   "chcp": self.chcp, "rem": lambda *_: Answer()}.get(name)
        if handler is None:
            return Answer(err=self.text("unknown", words[0]), status=1)
        return handler(call, words[1:])

    def whoami(self, call, words):
        return Answer("win1\\administrator\n" if call.root else "win1\\operator\n")

    def chcp(self, call, words):
        return Answer("Active code page: 65001\n")

    def ver(self, call, words):
        name = "Microsoft Windows XP" if self.release.startswith("5.1") else "Microsoft Windows"
        return Answer(f"\n{name} [{self.text('version')} {self.release}]\n")

    def netstat_ano(self, call, words):
        options = "".join(words).lower()
        return Answer("\n" + sample("windows/netstat-anq.txt" if "q" in options else "windows/netstat-ano.txt").lstrip("\n"))

    def netsh(self, call, words):
        raise NotImplementedError

    # reg

    banner, column = "\n", "    "

    def reg(self, call, words):
        if not words:
            return Answer(err="ERROR: Invalid syntax.\nType \"REG /?\" for usage.\n", status=1)
        verb, rest = words[0].lower(), words[1:]
        key = rest.pop(0) if rest else ""
        root, _, tail = key.partition("\\")
        key = ROOTS.get(root.upper(), root.upper()) + "\\" + tail
        options, name = {}, None
        while rest:
            word = rest.pop(0).lower()
            if word in ("/f", "/ve"):
                options[word] = True
            elif rest:
                options[word] = rest.pop(0)
        name = options.get("/v")
        if verb == "query":
            return self._reg_query(key, name)
        if not call.root:
            return Answer(err=self.text("reg denied"), status=1)
        if verb == "add":
            return self._reg_add(key, name, options)
        if verb == "delete":
            return self._reg_delete(key, name, options)
        return Answer(err="ERROR: Invalid syntax.\n", status=1)

    def _reg_key(self, key):
        for each in self.registry:
            if each.lower() == key.lower():
                return each
        return None

    def _reg_name(self, values, name):
        return next((each for each in values if each.lower() == (name or "").lower()), None)

    def _reg_query(self, key, name):
        found = self._reg_key(key)
        values = self.registry.get(found, {})
        chosen = self._reg_name(values, name)
        if found is None or (name and chosen is None):
            return Answer(err=self.text("reg missing"), status=1)
        answer = Answer(self.banner + found + "\n")
        for each, (kind, value) in values.items():
            if name is None or each == chosen:
                shown = f"0x{value:x}" if kind == "REG_DWORD" else "\\0".join(value) if kind == "REG_MULTI_SZ" else value
                answer.out(f"    {each}{self.column}{kind}{self.column}{shown}\n")
        return answer.out("\n")

    def _reg_add(self, key, name, options):
        kind, text = options.get("/t", "REG_SZ").upper(), options.get("/d", "")
        values = self.registry.setdefault(self._reg_key(key) or key, {})
        present = self._reg_name(values, name)
        if present and "/f" not in options:
            return Answer(f"Value {name} exists, overwrite(Yes/No)? ", status=1)
        if kind == "REG_DWORD":
            value = int(text, 16) if text.lower().startswith("0x") else number(text)
            if value is None or not 0 <= value < 1 << 32:
                return Answer(err="ERROR: Invalid syntax. Specify valid numeric value for '/d'.\n", status=1)
        else:
            value = text.split(options.get("/s", "\\0")) if kind == "REG_MULTI_SZ" else text
        values[present or name] = (kind, value)
        return Answer(self.text("reg ok"))

    def _reg_delete(self, key, name, options):
        values = self.registry.get(self._reg_key(key), {})
        present = self._reg_name(values, name)
        if present is None:
            return Answer(err=self.text("reg missing"), status=1)
        if "/f" not in options:
            return Answer(f"Delete the registry value {name} (Yes/No)? ", status=1)
        del values[present]
        return Answer(self.text("reg ok"))


class Windows(WindowsBase):
    """Vista and later. release: what ver prints. busy: ports that no exclusion can be made over. autorun: what cmd.exe prints first.
    stores: show dynamicport takes a store. most: a set of more ports takes so many of them, and says Ok."""

    release = "10.0.20348.587"

    def __init__(self, release=None, lang="en", code_page=None, busy=(), one_pool=False, powershell=False, autorun="", stores=True, most=65536):
        self.busy = busy
        self.powershell, self.autorun, self.stores, self.most = powershell, autorun, stores, most
        self.one_pool = one_pool
        self.persistent = {(family, protocol): (49152, 16384) for family in ("ipv4", "ipv6") for protocol in ("tcp", "udp")}
        self.persistent_excluded = {("tcp", 50000, 50059)}
        self.registry = {PARAMETERS: {"Hostname": ("REG_SZ", "win1"), "NV Hostname": ("REG_SZ", "win1")}}
        super().__init__(release, lang, code_page)

    def reset(self):
        self.running = {f"{family}.{protocol}": value for (family, protocol), value in self.persistent.items()}
        # WinNAT draws its blocks anew at every boot; these are drawn for once and all.
        self.excluded = {("tcp", 5357, 5357), ("tcp", 50101, 50200), ("tcp", 54913, 55012)} | self.persistent_excluded

    def running_values(self):
        return {**self.running, "persistent": dict(self.persistent), "excluded": sorted(self.excluded)}

    def netsh(self, call, words):
        low = [word.lower() for word in words]
        if len(low) < 4 or low[0] not in ("int", "interface") or low[1] not in ("ipv4", "ipv6"):
            return Answer(self.text("netsh unknown", " ".join(words)), status=1)
        family, verb, what, rest = low[1], low[2], low[3], low[4:]
        arguments = dict(word.split("=", 1) for word in rest if "=" in word)
        protocol = arguments.get("protocol") or next((word for word in rest if word in ("tcp", "udp")), None)
        if what in ("dynamicport", "dynamicportrange") and protocol in ("tcp", "udp"):
            if verb == "show":
                return self._show(family, protocol, arguments)
            if verb == "set":
                return self._set(call, family, protocol, arguments)
        if what == "excludedportrange" and protocol in ("tcp", "udp"):
            if verb == "show":
                return self._show_excluded(protocol)
            if verb in ("add", "delete"):
                return self._exclude(call, verb, protocol, arguments)
        return Answer(self.text("netsh unknown", " ".join(words)), status=1)

    def _show(self, family, protocol, arguments):
        """store=persistent shows what the next boot has; without it, what runs. (That show takes a store is not certain.)"""
        head, start, count = DYNAMIC_PORT[self.lang]
        store = arguments.get("store", "active")
        if store not in ("active", "persistent") or ("store" in arguments and not self.stores):
            return Answer(self.text("parameter"), status=1)
        values = self.running if store == "active" else {f"{f}.{p}": value for (f, p), value in self.persistent.items()}
        first, number_of_ports = values[f"{family}.{protocol}"]
        return Answer(head.format(protocol) + "-" * 33 + "\n" + start.format(first) + count.format(number_of_ports))

    def _set(self, call, family, protocol, arguments):
        if not call.root:
            return Answer(self.text("elevation"), status=1)
        start = number(arguments.get("start", arguments.get("startport", "")))
        count = number(arguments.get("num", arguments.get("numberofports", "")))
        store = arguments.get("store", "persistent")
        bad = start is None or count is None or store not in ("active", "persistent")
        if bad or start < 1024 or count < 255 or start + count - 1 > 65535:
            return Answer(self.text("parameter"), status=1)
        count = min(count, self.most)
        for each in ("ipv4", "ipv6") if self.one_pool else (family,):
            self.running[f"{each}.{protocol}"] = (start, count)
            if store == "persistent":
                self.persistent[each, protocol] = (start, count)
        return Answer(self.text("ok"))

    def _show_excluded(self, protocol):
        head, columns, foot = EXCLUDED[self.lang]
        answer = Answer(head.format(protocol) + columns + "----------    --------      \n")
        for each in sorted(self.excluded):
            if each[0] == protocol:
                star = "     *" if each in self.persistent_excluded else ""
                answer.out(f"{each[1]:>10}  {each[2]:>10}{star}\n")
        return answer.out("\n" + foot)

    def _exclude(self, call, verb, protocol, arguments):
        if not call.root:
            return Answer(self.text("elevation"), status=1)
        start, count = number(arguments.get("startport", "")), number(arguments.get("numberofports", "1"))
        if start is None or count is None or count < 1 or not 0 < start <= 65535 or start + count - 1 > 65535:
            return Answer(self.text("parameter"), status=1)
        entry = (protocol, start, start + count - 1)
        if verb == "delete":
            if entry not in self.excluded:
                return Answer(self.text("missing"), status=1)
            self.excluded.discard(entry)
            self.persistent_excluded.discard(entry)
            return Answer(self.text("ok"))
        overlaps = any(each[0] == protocol and each[1] <= entry[2] and each[2] >= start for each in self.excluded)
        if overlaps or any(start <= port <= entry[2] for port in self.busy):
            return Answer(self.text("in use"), status=1)
        self.excluded.add(entry)
        if arguments.get("store", "persistent") == "persistent":
            self.persistent_excluded.add(entry)
        return Answer(self.text("ok"))


class Cygwin(Windows):
    """The same, logged into a Cygwin's bash: netsh is there, and there is no cmd.exe between."""

    shells = {"/bin/sh": "posix", "/bin/bash": "posix"}
    root_shell = user_shell = "/bin/bash"

    def make_uname(self):
        return {"s": "CYGWIN_NT-10.0-20348", "r": "3.4.9-1.x86_64", "v": "2023-09-06 11:19 UTC", "n": "win1", "m": "x86_64", "o": "Cygwin",
                "order": "snrvmo"}

    def make_commands(self):
        return {"/usr/bin/netsh": lambda call: self.netsh(call, call.options), "/usr/bin/netstat": lambda call: self.netstat_ano(call, call.options)}

    def paths(self):
        return System.paths(self)

    def handler(self, call):
        return System.handler(self, call)


class WindowsXp(WindowsBase):
    """XP, 2003 and older (ver prints 5.1, 5.2): MaxUserPort and ReservedPorts in the registry count from the next boot."""

    release = "5.2.3790"
    banner, column = "\n! REG.EXE VERSION 3.0\n\n", "\t"

    def __init__(self, release=None, lang="en", code_page=None):
        self.registry = {PARAMETERS: {"Hostname": ("REG_SZ", "win1")}}
        super().__init__(release, lang, code_page)

    def reset(self):
        values = self.registry[PARAMETERS]
        top = values.get("MaxUserPort", ("REG_DWORD", 5000))
        top = top[1] if top[0] == "REG_DWORD" and 5000 <= top[1] <= 65534 else 5000
        reserved = values.get("ReservedPorts", ("REG_MULTI_SZ", []))[1]
        self.running = {"first": 1025, "last": top, "reserved": [word for word in reserved if word]}

    def netsh(self, call, words):
        return Answer(self.text("netsh unknown", " ".join(words)), status=1)
