"""The API server's own HTTP, in plain objects."""

import http.client
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

Object = dict[str, Any]

TRIES = 3
"""Times that something is asked for while its answer is cut."""


class Api:
    """Requests to the server at `url` as whoever has `token`."""

    def __init__(self, url: str, certificate: Path, token: str) -> None:
        self._url = url
        self._certificate = certificate
        self._token = token

    def get(self, path: str, **query: str) -> Object:
        """An object or a list; raises urllib.error.HTTPError."""
        path += "?" + urllib.parse.urlencode(query) if query else ""
        for _ in range(TRIES - 1):
            try:
                return self._request("GET", path)
            except http.client.IncompleteRead:  # on a busy machine answers were cut; Kubernetes' own clients ask again
                time.sleep(1)
        return self._request("GET", path)

    def create(self, path: str, made: Object) -> Object:
        """Makes an object in the collection at `path`."""
        return self._request("POST", path, made)

    def merge(self, path: str, change: Object) -> Object:
        """Changes the object at `path`."""
        return self._request("PATCH", path, change, "application/merge-patch+json")

    def delete(self, path: str, **options: object) -> Object:
        """Deletes the object at `path`."""
        return self._request("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", **options})

    def items(self, path: str, **query: str) -> list[Object]:
        """The objects of the collection at `path`."""
        found: list[Object] = self.get(path, **query)["items"]
        return found

    def everything(self) -> list[tuple[str, Object]]:
        """Every object of every kind and version that can be listed, each with the name of its kind."""
        groups = self.get("/apis")["groups"]
        versions = [f"/apis/{version['groupVersion']}" for group in groups for version in group["versions"]]
        found = []
        for version in ("/api/v1", *versions):
            for kind in self.get(version)["resources"]:
                if "list" in kind["verbs"] and "/" not in kind["name"]:
                    found += [(kind["kind"], made) for made in self.items(f"{version}/{kind['name']}")]
        return found

    def evict(self, pod: str) -> Object:
        """Asks for the pod at `pod` to go, as a drain does; a disruption budget may answer 429."""
        _, _, rest = pod.partition("/namespaces/")
        namespace, _, name = rest.split("/")
        made = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"namespace": namespace, "name": name}}
        return self._request("POST", f"{pod}/eviction", made)

    def _request(self, method: str, path: str, body: Object | None = None, kind: str = "application/json") -> Object:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        context = ssl.create_default_context(cafile=self._certificate)
        try:
            with urllib.request.urlopen(request, context=context, timeout=20) as response:
                answer: Object = json.loads(response.read())
        except urllib.error.HTTPError as refused:
            refused.close()
            raise
        return answer
