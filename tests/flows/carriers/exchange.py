"""A fake of First Orion's exchange API as its public documentation describes it: without idempotency keys."""

import json
import re
from typing import Any

from tests.flows.carriers.fake_server import Answer, FakeProgram, FakeServer

UNIT = r"exchange/v1/businesses/b-1/business-units/u-1"


class Exchange(FakeServer):
    """`programs` by id. With `numbers_readable` False, the list of a program's numbers cannot be read."""

    def __init__(self) -> None:
        super().__init__()
        self.programs: dict[str, FakeProgram] = {}
        self.refused: dict[int, str] = {}
        self.numbers_readable = True
        self.tokens: list[str] = []
        self.schedules: list[Any] = []

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if path == "v1/auth":
            return self.auth(headers)
        if headers.get("authorization") not in self.tokens[-1:]:
            return Answer(401)
        content = json.loads(body) if body else None
        if method == "GET" and path == f"{UNIT}/programs":
            return answer([{"programId": id, "programName": p.facts["programName"]} for id, p in self.programs.items()])
        if path == f"{UNIT}/programs":
            return self.create(content)
        found = re.fullmatch(rf"{UNIT}/programs/([^/]+)/(.*)", path)
        if not found or found[1] not in self.programs:
            return Answer(404)
        return self.answer_program(method, self.programs[found[1]], found[2], content)

    def auth(self, headers: dict[str, str]) -> Answer:
        if (headers.get("x-api-key"), headers.get("x-secret-key"), headers.get("x-service")) != ("k", "s", "auth"):
            return Answer(401)
        self.tokens.append(f"token-{len(self.tokens)}")
        return Answer(200, {"token": self.tokens[-1], "expires_in": 3600, "token_type": "Bearer"})

    def create(self, content: Any) -> Answer:
        (facts,) = content
        id = f"p-{len(self.programs)}"
        self.programs[id] = FakeProgram(facts)
        return answer([{"programId": id, "programName": facts["programName"]}], 201)

    def answer_program(self, method: str, program: FakeProgram, path: str, content: Any) -> Answer:
        if path == "schedules":
            self.schedules.append(content)
            return answer([], 201)
        if path == "delivery-channels/callerName/a-numbers":
            if method == "GET":
                return self.list_numbers(program)
            return self.add_numbers(program, content)
        if path in ("delivery-channels/callerName", "delivery-channels/callerImage"):
            program.branding = (program.branding or {}) | content
            return answer({}, 201)
        return Answer(404)

    def list_numbers(self, program: FakeProgram) -> Answer:
        if not self.numbers_readable:
            return Answer(405)
        return answer({"phoneNumbers": [entry(number, code) for number, code in program.numbers.items()]})

    def add_numbers(self, program: FakeProgram, content: Any) -> Answer:
        added, refused = [], []
        for item in content:
            number = int(item["phoneNumber"][2:])
            if number in self.refused:
                refused.append(item | {"rejectionReason": self.refused[number]})
                continue
            program.numbers[number] = item["callPurposeCode"]
            program.arrivals[number] = program.arrivals.get(number, 0) + 1
            added.append(item)
        return answer({"phoneNumbers": added, "rejectedPhoneNumbers": refused}, 201)


def entry(number: int, code: str) -> dict[str, str]:
    return {"phoneNumber": f"+1{number}", "callPurposeCode": code}


def answer(body: Any, status: int = 200) -> Answer:
    return Answer(status, {"body": body, "error": None})
