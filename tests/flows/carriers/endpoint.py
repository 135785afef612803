"""A fake of an operator's endpoint (flows/carriers/http.openapi.yaml). It honors keys and records misuse."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.flows.carriers.fake_server import Answer, FakeProgram, FakeServer


class Endpoint(FakeServer):
    """Stores programs and idempotency keys. `violations` lists what a launch must never do."""

    def __init__(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__()
        self.clock = clock
        self.programs: dict[str, FakeProgram] = {}
        self.refused: dict[int, str] = {}
        self.refuses: Answer | None = None
        self.keys: dict[str, tuple[str, str, bytes, Answer]] = {}

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError as error:
            return Answer(401, {"detail": str(error)})
        operation, id = route(method, path)
        if headers.get("idempotency-key") not in self.keys:  # a repeat must be identical, so it is not validated again
            faults = validator(operation).iter_errors(parse(body))
            self.violations += [f"{operation}: {fault.message}" for fault in faults]
        if operation == "find":
            return self.find(parse(body))
        return self.change(operation, id, method, path, headers.get("idempotency-key", ""), body)

    def change(self, operation: str, id: str, method: str, path: str, key: str, body: bytes) -> Answer:
        if not key:
            self.violations.append(f"{operation} without a key")
        if key in self.keys:
            first = self.keys[key]
            if first[:3] != (method, path, body):
                self.violations.append(f"{operation}: another request with the key {key}")
            return first[3]
        if self.refuses:
            return self.refuses
        if operation != "create" and id not in self.programs:
            return Answer(404, {"detail": "no such program"})
        answer = getattr(self, operation)(id, parse(body))
        self.keys[key] = (method, path, body, answer)
        return answer

    def find(self, body: Any) -> Answer:
        id = f"{body['business']}~{body['reference']}"
        if id not in self.programs:
            return Answer(200, {"id": None, "numbers": []})
        present = self.programs[id].numbers
        return Answer(200, {"id": id, "numbers": [text for text in body["numbers"] if int(text[2:]) in present]})

    def create(self, _: str, body: Any) -> Answer:
        id = f"{body['business']}~{body['reference']}"
        if id in self.programs:
            self.violations.append(f"{id} was created twice")
        if self.clock() < datetime.fromisoformat(body["schedule"]["start"]):
            self.violations.append(f"{id} was created early")
        self.programs[id] = FakeProgram(body)
        return Answer(201, {"id": id})

    def update(self, id: str, body: Any) -> Answer:
        self.open_program(id).facts = body
        return Answer(204)

    def add_numbers(self, id: str, body: Any) -> Answer:
        program, refused = self.open_program(id), []
        for entry in body["numbers"]:
            number = int(entry["phone_number"][2:])
            if number in self.refused:
                refused.append({"phone_number": entry["phone_number"], "reason": self.refused[number]})
                continue
            if program.numbers.get(number) == entry["call_purpose"]:
                self.violations.append(f"{id}: a number arrived twice, with two keys")
            program.numbers[number] = entry["call_purpose"]
            program.arrivals[number] = program.arrivals.get(number, 0) + 1
        return Answer(200, {"refused": refused})

    def remove_numbers(self, id: str, body: Any) -> Answer:
        program = self.open_program(id)
        for text in body["numbers"]:
            program.numbers.pop(int(text[2:]), None)
        return Answer(204)

    def set_branding(self, id: str, body: Any) -> Answer:
        self.open_program(id).branding = body["branding"]
        return Answer(204)

    def end(self, id: str, _: Any) -> Answer:
        program = self.open_program(id)
        program.ended = True
        program.numbers.clear()
        return Answer(204)

    def open_program(self, id: str) -> FakeProgram:
        if self.programs[id].ended:
            self.violations.append(f"{id} was changed after its end")
        return self.programs[id]


def parse(body: bytes) -> Any:
    return json.loads(body or b"{}")


def route(method: str, path: str) -> tuple[str, str]:
    """(operationId in the OpenAPI document, program id)."""
    for pattern, calls in document()["paths"].items():
        found = re.fullmatch(re.escape(pattern).replace(r"\{id\}", "([^/]+)"), "/" + path)
        if found and method.lower() in calls:
            return calls[method.lower()]["operationId"], found[1] if found.groups() else ""
    raise AssertionError(f"{method} {path} is not in the document")


@cache
def document() -> Any:
    return yaml.safe_load((files("flows.carriers") / "http.openapi.yaml").read_text("utf-8"))


@cache
def validator(operation: str) -> Draft202012Validator:
    """A validator of this operation's request body. OpenAPI 3.1 schemas are JSON Schema 2020-12."""
    for calls in document()["paths"].values():
        for call in calls.values():
            if call["operationId"] == operation:
                schema = call["requestBody"]["content"]["application/json"]["schema"]
                return Draft202012Validator(schema | {"components": document()["components"]})
    raise AssertionError(operation)
