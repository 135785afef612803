"""A stand-in for First Orion's exchange API, as the public pages describe it: it knows no idempotency key."""

import json
import re
from typing import Any

from tests.flows.carriers.standin import Answer, Booked, Server

UNIT = r"exchange/v1/businesses/b-1/business-units/u-1"


class Exchange(Server):
    """Programs by id; `tells_numbers` False: the list of a program's numbers cannot be read."""

    def __init__(self) -> None:
        super().__init__()
        self.book: dict[str, Booked] = {}
        self.refused: dict[int, str] = {}
        self.tells_numbers = True
        self.tokens: list[str] = []
        self.schedules: list[Any] = []

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if path == "v1/auth":
            return self.auth(headers)
        if headers.get("authorization") not in self.tokens[-1:]:
            return Answer(401)
        sent = json.loads(body) if body else None
        if method == "GET" and path == f"{UNIT}/programs":
            return answer([{"programId": id, "programName": p.facts["programName"]} for id, p in self.book.items()])
        if path == f"{UNIT}/programs":
            return self.create(sent)
        found = re.fullmatch(rf"{UNIT}/programs/([^/]+)/(.*)", path)
        if not found or found[1] not in self.book:
            return Answer(404)
        return self.below(method, self.book[found[1]], found[2], sent)

    def auth(self, headers: dict[str, str]) -> Answer:
        if (headers.get("x-api-key"), headers.get("x-secret-key"), headers.get("x-service")) != ("k", "s", "auth"):
            return Answer(401)
        self.tokens.append(f"token-{len(self.tokens)}")
        return Answer(200, {"token": self.tokens[-1], "expires_in": 3600, "token_type": "Bearer"})

    def create(self, sent: Any) -> Answer:
        (facts,) = sent
        id = f"p-{len(self.book)}"
        self.book[id] = Booked(facts)
        return answer([{"programId": id, "programName": facts["programName"]}], 201)

    def below(self, method: str, program: Booked, path: str, sent: Any) -> Answer:
        if path == "schedules":
            self.schedules.append(sent)
            return answer([], 201)
        if path == "delivery-channels/callerName/a-numbers":
            if method == "GET":
                return self.numbers(program)
            return self.add(program, sent)
        if path in ("delivery-channels/callerName", "delivery-channels/callerImage"):
            program.branding = (program.branding or {}) | sent
            return answer({}, 201)
        return Answer(404)

    def numbers(self, program: Booked) -> Answer:
        if not self.tells_numbers:
            return Answer(405)
        return answer({"phoneNumbers": [entry(number, code) for number, code in program.numbers.items()]})

    def add(self, program: Booked, sent: Any) -> Answer:
        taken, refused = [], []
        for one in sent:
            number = int(one["phoneNumber"][2:])
            if number in self.refused:
                refused.append(one | {"rejectionReason": self.refused[number]})
                continue
            program.numbers[number] = one["callPurposeCode"]
            program.arrivals[number] = program.arrivals.get(number, 0) + 1
            taken.append(one)
        return answer({"phoneNumbers": taken, "rejectedPhoneNumbers": refused}, 201)


def entry(number: int, code: str) -> dict[str, str]:
    return {"phoneNumber": f"+1{number}", "callPurposeCode": code}


def answer(body: Any, status: int = 200) -> Answer:
    return Answer(status, {"body": body, "error": None})
