"""A second reader of journals, written from journal-format.md alone: it even takes layouts and payloads from its tables.

    reader.py journal-format.md DIR

Prints the records as JSON, one a line; on standard error, a line for each damage: SEGMENT OFFSET LSN KIND. Exits with 5
if there is any.
"""

import datetime
import json
import os
import re
import struct
import sys
import zlib

from blake3 import blake3

FRAMES_AT = TRAILER_ROOM = 4096
BLOCK = 65536
SEAL, NOTE = 0xFF01, 0xFF04
# Section 7: what a payload of an older schema says without words.
UNSAID = {("message_accepted", 1): {"named": False, "reply_asked": False}, ("settings_changed", 1): {"given": None}}


class Wrong(Exception):
    """A place that does not hold what the document says."""


class Document:
    """The tables of the page."""

    def __init__(self, path):
        self.tables, heading = {}, ""
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith("#"):
                    heading = line.lstrip("#").strip()
                elif line.startswith("|"):
                    row = [cell.strip() for cell in line.strip().strip("|").split("|")]
                    self.tables.setdefault(heading, []).append(row)
        self.kinds = {int(row[0]): (row[1].strip("`"), row[2]) for row in self.tables["7. Kinds"] if row[0].isdigit()}
        self.payloads = {}
        for name, text in self.tables["payloads"][2:]:
            kind, schema = re.fullmatch(r"`(\w+)`(?: of schema (\d+))?", name).groups()
            self.payloads[kind, schema and int(schema)] = self.fields(text)
        self.structs, self.enums = {}, {}
        for name, text in self.tables["types"][2:]:
            variant = re.fullmatch(r"`(\w+)` (\d+) `(\w+)`", name)
            if variant:
                self.enums.setdefault(variant[1], {})[int(variant[2])] = (variant[3], self.fields(text))
            else:
                self.structs[name.strip("`")] = self.fields(text)

    @staticmethod
    def fields(text):
        """A type that stands alone, or the names and types of fields."""
        if text.startswith("= "):
            return text[2:]
        return [tuple(field.split(" ", 1)) for field in text.split(", ")] if text else []

    def layout(self, heading, data):
        """The fields of one of the fixed layouts, numbers as numbers."""
        out = {}
        for name, at, length, *_ in (row for row in self.tables[heading] if len(row) > 2 and row[1].isdigit()):
            at, length = int(at), int(length)
            value = data[at:at + length]
            out[name.strip("`")] = int.from_bytes(value, "little") if length <= 8 and name != "`magic`" else value
        return out


class Payload:
    """A payload being decoded: section 4."""

    def __init__(self, document, data):
        self.document, self.data, self.at = document, data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Wrong("payload")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self):
        first = self.take(1)[0]
        return first if first < 251 else int.from_bytes(self.take({251: 2, 252: 4, 253: 8, 254: 16}[first]), "little")

    def value(self, of):
        if of.startswith("option of "):
            return self.value(of[10:]) if self.take(1)[0] else None
        if of.startswith("list of "):
            return [self.value(of[8:]) for _ in range(self.number())]
        if of == "text":
            return self.take(self.number()).decode("utf-8")
        if of in ("bool", "u8"):
            byte = self.take(1)[0]
            return bool(byte) if of == "bool" else byte
        if of == "u128":
            return ulid(self.number())
        if of in ("u16", "u32", "u64"):
            return self.number()
        if of in ("i16", "i32", "i64"):
            zigzag = self.number()
            return zigzag >> 1 if zigzag % 2 == 0 else -(zigzag >> 1) - 1
        if of in self.document.enums:
            word, fields = self.document.enums[of][self.number()]
            return word if fields == [] else {word: self.struct(fields)}
        return self.struct(self.document.structs[of])

    def struct(self, fields):
        return self.value(fields) if isinstance(fields, str) else {name: self.value(of) for name, of in fields}

    def actor(self):
        match self.number():
            case 0:
                return "dormouse"
            case 1:
                uid, pid, program = self.number(), self.number(), self.value("text")
                return f"uid {uid} ({program}, pid {pid})"
            case 2:
                peer, generation = self.value("text"), self.number()
                return f"{peer} (session {generation})"
        raise Wrong("actor")


def ulid(number):
    return "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[number >> 5 * place & 31] for place in range(25, -1, -1))


def moment(microseconds):
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=microseconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


class Segment:
    def __init__(self, document, name, data):
        self.document, self.name, self.data = document, name, data
        self.first_lsn = int(name[:20])
        self.header, self.fault = self.read_header()

    def read_header(self):
        if len(self.data) < FRAMES_AT:
            return None, (len(self.data), "truncated")
        copies = [self.data[at:at + 128] for at in (0, 2048)]
        right = [copy for copy in copies if zlib.crc32(copy[:124]).to_bytes(4, "little") == copy[124:]]
        page = bytearray(self.data[:FRAMES_AT])
        page[:128] = page[2048:2176] = bytes(128)
        whole = len(right) == 2 and copies[0] == copies[1] and not any(page)
        if not right:
            return None, (0, "rot")
        return self.document.layout("header", right[0]), None if whole else (0, "rot")

    def limit(self):
        return min(len(self.data), self.header["capacity"] - TRAILER_ROOM)

    def seeded(self, at, data):
        return zlib.crc32(self.header["salt"] + struct.pack("<Q", at // 8) + data)

    def head(self, at):
        """The head of a frame with a right checksum; none if there is none."""
        if at + 32 > self.limit():
            return None
        head = self.document.layout("frame", self.data[at:at + 32])
        end = at + (32 + head["length"] + 7) // 8 * 8
        possible = head["length"] and head["kind"] and head["schema"] and head["flags"] < 2
        if not possible or end > self.limit() or self.seeded(at, self.data[at + 4:end]) != head["crc"]:
            return None
        control = head["kind"] >= 0xFF00
        return dict(head, at=at, end=end, control=control, next=head["lsn"] + (1 if control else 0))

    def record(self, head):
        document = self.document
        payload = Payload(document, self.data[head["at"] + 32:head["at"] + 32 + head["length"]])
        kind, which = document.kinds[head["kind"]]
        payload.number(), payload.number()  # awake_ms, boot
        peer, generation, message = map(payload.value, ("option of text", "option of u64", "option of u128"))
        cause, actor = payload.value("option of u64"), payload.actor()
        older = (kind, head["schema"])
        data = payload.struct(document.payloads.get(older) or document.payloads[kind, None]) | UNSAID.get(older, {})
        if payload.at != head["length"]:
            raise Wrong("payload length")
        return {"lsn": head["lsn"], "at": moment(head["time"]), "kind": kind, "class": which, "peer": peer,
                "generation": generation, "message": message, "cause": cause, "actor": actor, "data": data}


class Journal:
    def __init__(self, document, folder):
        self.document, self.records, self.damage = document, [], []
        names = sorted(name for name in os.listdir(folder) if re.fullmatch(r"\d{20}\.jnl", name))
        # What the next segment must refer to; none where damage has taken that away.
        self.next, self.before, self.previous = 1, (0, bytes(16)), bytes(32)
        first = int(names[0][:20]) if names else 1
        if first > 1:
            # Whether what is gone was removed, the newest removal says.
            self.next, self.before, self.previous = first, None, None
        self.first_lsn, self.first_previous = first, None
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                self.read(Segment(document, name, file.read()), name == names[-1])
        if first > 1:
            self.judge_beginning(first)

    def judge_beginning(self, first):
        """Section 8: history that was removed, or lost."""
        removals = [record["data"] for record in self.records if record["kind"] == "history_removed"]
        kept = removals[-1]["first_kept"] if removals else 1
        chained = self.first_previous in (None, removals[-1]["head"]) if removals else False
        if kept < first or kept == first and not chained:
            self.damage.append((f"{kept:020}.jnl", 0, kept, "missing"))

    def wrong(self, segment, at, lsn, kind):
        self.damage.append((segment.name, at, lsn, kind))

    def read(self, segment, last):
        if segment.fault:
            self.wrong(segment, segment.fault[0], segment.first_lsn, segment.fault[1])
        if not segment.header:
            self.next = self.before = self.previous = None
            return
        header = segment.header
        if self.next is not None and header["first_lsn"] > self.next:
            self.damage.append((f"{self.next:020}.jnl", 0, self.next, "missing"))
            self.previous = None
        elif self.before and (header["number"], header["previous_salt"]) != (self.before[0] + 1, self.before[1]):
            self.wrong(segment, 0, header["first_lsn"], "foreign")
        self.before = (header["number"], header["salt"])
        self.walk(segment, last)

    def walk(self, segment, last):
        at, lsn, group, seal, whole = FRAMES_AT, segment.header["first_lsn"], [], None, True
        while seal is None:
            head = segment.head(at)
            if head and head["next"] == lsn:
                if head["kind"] == SEAL:
                    seal = head
                elif not head["control"]:
                    group.append(segment.record(head))
                    lsn += 1
                    if not head["flags"]:
                        self.records, group = self.records + group, []
                at = head["end"]
                continue
            behind = (segment.head(place) for place in range(at + 8, segment.limit(), 8))
            found = next((head for head in behind if head and head["next"] >= lsn), None)
            short = len(segment.data) < segment.header["capacity"]
            empty = not any(segment.data[at:])
            if empty and last and not short:
                break
            whole = False
            if found or not short:
                self.wrong(segment, at, lsn, "truncated" if empty else "edit" if head else "rot")
            if not found:
                break
            self.records, group, at, lsn = self.records + group, [], found["at"], found["next"]
        if len(segment.data) < segment.header["capacity"]:
            self.wrong(segment, len(segment.data), lsn, "truncated")
        # Without a seal, what the next segment lacks in front has been said here.
        self.next, self.previous = (lsn, self.check_seal(segment, seal, lsn, whole)) if seal else (None, None)

    def check_seal(self, segment, head, lsn, whole):
        """Checks what stands behind the last frame; gives the head of the chain."""
        start, data = head["at"], segment.data
        payload = data[start + 32:start + 32 + head["length"]]
        seal = self.document.layout("seal", payload)
        if segment.first_lsn == self.first_lsn:
            self.first_previous = seal["previous"].hex()
        if self.previous not in (None, seal["previous"]):
            self.wrong(segment, start, lsn, "edit")
        blocks = [data[at:min(at + BLOCK, start)] for at in range(0, start, BLOCK)]
        table = [struct.unpack_from("<IIQ", payload, 128 + 16 * i) for i in range(seal["blocks"])]
        if whole and not segment.fault:
            for index, block in enumerate(blocks):
                if len(table) != len(blocks) or table[index][0] != zlib.crc32(block):
                    self.wrong(segment, index * BLOCK, lsn, "edit")
                    break
            else:
                if blake3(data[:start]) != seal["digest"]:
                    self.wrong(segment, start, lsn, "edit")
        trailer_at = segment.header["capacity"] - TRAILER_ROOM
        stray = next((at for at in range(head["end"], segment.limit()) if data[at]), None)
        if stray is not None:
            self.wrong(segment, stray, lsn, "rot")
        room = data[trailer_at:]
        trailer = self.document.layout("trailer", room[:68])
        if len(room) == TRAILER_ROOM and any(room):
            right = segment.seeded(trailer_at, room[:64]) == trailer["crc"] and not any(room[68:])
            same = trailer["seal_at"] == start and trailer["head"] == blake3(payload)
            if not right or not same:
                self.wrong(segment, trailer_at, lsn, "edit" if right else "rot")
        return blake3(payload)


def main():
    journal = Journal(Document(sys.argv[1]), sys.argv[2])
    for record in journal.records:
        print(json.dumps(record))
    for place in journal.damage:
        print(*place, file=sys.stderr)
    return 5 if journal.damage else 0


if __name__ == "__main__":
    sys.exit(main())
