"""The two servers the demo talks to, over their HTTP APIs."""

import json
import ssl
import urllib.error
import urllib.request

from processes import DemoError


class Client:
    """JSON over HTTPS, trusting one certificate authority."""

    def __init__(self, base, ca_file, headers):
        self.base, self.headers = base, headers
        context = ssl.create_default_context(cafile=ca_file)
        handlers = [urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler({})]
        self.opener = urllib.request.build_opener(*handlers)

    def ask(self, method, path, body=None):
        """Sends a request; yields the status and the body."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, self.headers, method=method)
        try:
            with self.opener.open(request, timeout=30) as response:
                status, content = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        try:
            return status, json.loads(content) if content else None
        except ValueError:
            return status, content.decode(errors="replace")

    def must(self, method, path, body=None):
        """Sends a request that must succeed; yields the body."""
        status, answer = self.ask(method, path, body)
        if not 200 <= status < 300:
            raise DemoError(f"{method} {self.base}{path} answered {status}: {answer}")
        return answer

    def is_up(self, path):
        try:
            return self.ask("GET", path)[0] == 200
        except OSError:
            return False


class Carnet(Client):
    """Carnet's API as the site administrator."""

    def __init__(self, base, ca_file, token):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/vnd.api+json"}
        super().__init__(base, ca_file, headers)

    def create(self, path, kind, attributes, relationships=None):
        """Creates a resource; yields its id."""
        data = {"type": kind, "attributes": attributes, "relationships": relationships or {}}
        return self.must("POST", f"/api/v2/{path}", {"data": data})["data"]["id"]

    def identity_tokens(self, workspace_id):
        """The ledger: what was minted for the workspace, oldest first."""
        return self.must("GET", f"/api/carnet/v1/workspaces/{workspace_id}/identity-tokens")

    def run(self, run_id):
        return self.must("GET", f"/api/v2/runs/{run_id}")["data"]["attributes"]


class OpenBao(Client):
    """OpenBao's API with the root token, and its audit log."""

    def __init__(self, base, ca_file, token, audit_log):
        super().__init__(base, ca_file, {"X-Vault-Token": token, "X-Vault-Request": "true"})
        self.audit_log = audit_log

    def responses(self):
        with open(self.audit_log) as file:
            entries = [json.loads(line) for line in file]
        return [entry for entry in entries if entry["type"] == "response" and "error" not in entry]

    def logins(self, mount):
        """Who has logged in: role, policies and accessor of the token given out, oldest first."""
        path = f"auth/{mount}/login"
        answers = [entry["response"]["auth"] for entry in self.responses() if entry["request"]["path"] == path]
        return [
            {
                "role": auth["metadata"]["role"],
                "run": auth["metadata"].get("terraform_run_id", ""),
                "policies": [policy for policy in auth["policies"] if policy != "default"],
                "accessor": auth["accessor"],
            }
            for auth in answers
        ]

    def readers(self, path):
        """The accessors of the tokens that have read a secret."""
        entries = [entry for entry in self.responses() if entry["request"]["path"] == path]
        return [entry["auth"]["accessor"] for entry in entries if entry["request"]["operation"] == "read"]

    def is_live(self, accessor):
        """Whether the token behind an accessor still exists."""
        status, answer = self.ask("POST", "/v1/auth/token/lookup-accessor", {"accessor": accessor})
        if status == 200:
            return True
        if "invalid accessor" in json.dumps(answer):
            return False
        raise DemoError(f"OpenBao did not say whether the token lives: {status} {answer}")
