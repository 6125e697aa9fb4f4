"""What the tests ask of a Kibana beside its pages: import, export, spaces. No toolkit code: this checks the toolkit."""

from __future__ import annotations

import base64
import json
import secrets
import urllib.request
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]

BOUNDARY = "the-throwaway-objects"


def basic(username: str | None, password: str | None) -> dict[str, str]:
    """The header for a user; none where there is none."""
    if username is None:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}


@dataclass(frozen=True)
class Space:
    """One space of a Kibana."""

    kibana: str
    id: str = "default"
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        return self.kibana if self.id == "default" else f"{self.kibana}/s/{self.id}"

    def put(self, *objects: Body) -> None:
        """Import saved objects, and fail unless Kibana took every one."""
        lines = "\n".join(json.dumps(one) for one in objects)
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="test.ndjson"\r\n\r\n'
        body = f"{head}{lines}\r\n--{BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        answer = json.loads(self.request("POST", "/api/saved_objects/_import?overwrite=true", body, kind))
        assert answer["success"], answer["errors"]

    def dashboard(self, id_: str) -> Body:
        """A dashboard's attributes, as this Kibana exports them."""
        wanted = {"objects": [{"type": "dashboard", "id": id_}], "excludeExportDetails": True}
        answer = self.request("POST", "/api/saved_objects/_export", json.dumps(wanted).encode())
        attributes: Body = json.loads(answer)["attributes"]
        return attributes

    def request(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        headers = {"kbn-xsrf": "true", "Content-Type": kind} | self.headers
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            content: bytes = answer.read()
        return content

    def delete(self) -> None:
        """The space and, by Kibana's own doing, everything in it."""
        Space(self.kibana, headers=self.headers).request("DELETE", f"/api/spaces/space/{self.id}")


def new_space(kibana: str, headers: dict[str, str]) -> Space:
    """A space of a test's own."""
    made = Space(kibana, f"rc-{secrets.token_hex(4)}", headers)
    body = json.dumps({"id": made.id, "name": made.id, "disabledFeatures": []}).encode()
    Space(kibana, headers=headers).request("POST", "/api/spaces/space", body)
    return made
