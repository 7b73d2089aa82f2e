#!/usr/bin/env python3
"""Shows Carnet at work on this machine: a real `terraform apply` whose Vault credentials did not exist a minute ago.

usage: python3 demo/demo.py [--carnet FILE]

Builds `carnet`, installs OpenBao (and Terraform, if there is none), starts both servers on free loopback ports over
TLS, sets up the trust between them, and runs terraform init, plan and apply. Exits with 0 only if every check held.

  --carnet FILE   use this binary instead of building one
"""

import argparse
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import screen
from clients import Carnet, OpenBao
from processes import DemoError, Processes, free_port, processes_mentioning, wait_until
from terraform import Terraform, version

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".demo"
ORGANIZATION, PROJECT, WORKSPACE = "acme", "shop", "database"
SECRET = "secret/data/shop/database"
POLICIES = {
    "shop-plan": 'path "secret/metadata/shop/*" { capabilities = ["list"] }',
    "shop-apply": f'path "{SECRET}" {{ capabilities = ["read"] }}',
}

# Tokens are hashed in the audit log. Accessors stay readable: with one, the demo can ask whether its token lives.
AUDIT = """
audit "file" "to-file" {
  options {
    file_path     = "%s"
    hmac_accessor = "false"
  }
}
"""


class Demo:
    """The state of the demo, and its steps in order."""

    def __init__(self, carnet_binary, processes):
        self.carnet_binary, self.processes = carnet_binary, processes
        self.steps = screen.Steps(8)
        self.password = secrets.token_hex(16)

    def run(self):
        self.build()
        self.install()
        self.start_openbao()
        self.start_carnet()
        self.set_up_trust()
        self.init_and_plan()
        self.apply()
        self.look_behind()
        self.end()

    def build(self):
        self.steps.begin("Build the carnet binary")
        if self.carnet_binary:
            screen.say(f"{self.carnet_binary} was given.")
            return
        screen.say("cargo build --release (the first time takes some minutes)")
        command = ["cargo", "build", "--release", "--bin", "carnet", "--message-format=json-render-diagnostics"]
        # Cargo shows its progress on standard error; standard output says where the binary is.
        built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        if built.returncode != 0:
            raise DemoError("cargo could not build carnet")
        messages = [json.loads(line) for line in built.stdout.splitlines()]
        binaries = [message["executable"] for message in messages if message.get("executable")]
        self.carnet_binary = Path(binaries[-1])
        screen.checked(f"{self.carnet_binary} ({self.carnet_binary.stat().st_size / 1e6:.0f} MB)")

    def install(self):
        self.steps.begin("Install what the demo needs into .tools")
        command = [sys.executable, str(ROOT / "tools/install.py"), "openbao", "terraform"]
        installed = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if installed.returncode != 0:
            raise DemoError("the tools cannot be installed")
        paths = dict(line.split(" ", 1) for line in installed.stdout.splitlines())
        self.bao, self.terraform_binary = paths["openbao"], paths["terraform"]
        screen.checked(f"OpenBao, a Vault-compatible server: {self.bao}")
        screen.checked(f"Terraform: {self.terraform_binary} ({version(self.terraform_binary)})")

    def start_openbao(self):
        self.steps.begin("Start OpenBao, which keeps a secret")
        folder = FOLDER / "openbao"
        folder.mkdir()
        audit_log, ca_file, log = folder / "audit.log", folder / "vault-ca.pem", folder / "openbao.log"
        (folder / "audit.hcl").write_text(AUDIT % audit_log)
        root_token = secrets.token_hex(16)
        port = free_port()
        command = [self.bao, "server", "-dev", "-dev-tls", f"-dev-tls-cert-dir={folder}", "-dev-no-store-token"]
        command += [f"-dev-listen-address=127.0.0.1:{port}", f"-config={folder / 'audit.hcl'}"]
        environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "BAO_DEV_ROOT_TOKEN_ID": root_token}
        process = self.processes.start("OpenBao", command, environment, log)
        wait_until("OpenBao makes its certificate authority", ca_file.exists, process, log)
        self.openbao = OpenBao(f"https://localhost:{port}", ca_file, root_token, audit_log)
        wait_until("OpenBao answers", lambda: self.openbao.is_up("/v1/sys/health"), process, log)
        self.openbao.must("POST", f"/v1/{SECRET}", {"data": {"password": self.password}})
        for name, policy in POLICIES.items():
            self.openbao.must("PUT", f"/v1/sys/policies/acl/{name}", {"policy": policy})
        self.openbao_ca = ca_file
        screen.checked(f"{self.openbao.base} is up, with a certificate authority of its own")
        screen.checked("the secret shop/database is written; the policy shop-apply may read it, shop-plan may not")

    def start_carnet(self):
        self.steps.begin("Start carnet server, with its agent inside")
        folder, log = FOLDER / "carnet", FOLDER / "carnet.log"
        (FOLDER / "work").mkdir()
        port, token = free_port(), secrets.token_hex(32)
        self.host = f"localhost:{port}"
        command = [self.carnet_binary, "server", "--data", folder, "--listen", f"127.0.0.1:{port}"]
        command += ["--url", f"https://{self.host}", "--tls", "auto"]
        command += ["--work-root", FOLDER / "work", "--terraform", self.terraform_binary]
        environment = {"HOME": str(FOLDER), "PATH": os.environ["PATH"], "CARNET_BOOTSTRAP_TOKEN": token}
        process = self.processes.start("carnet server", [str(part) for part in command], environment, log)
        self.carnet_ca = folder / "tls/ca.pem"
        wait_until("Carnet makes its certificate authority", self.carnet_ca.exists, process, log)
        self.carnet = Carnet(f"https://{self.host}", self.carnet_ca, token)
        self.token = token
        wait_until("Carnet answers", lambda: self.carnet.is_up("/readyz"), process, log)
        screen.checked(f"{self.carnet.base} is up, with a certificate authority of its own")
        discovery = self.carnet.must("GET", "/.well-known/openid-configuration")
        keys = self.carnet.must("GET", "/.well-known/jwks")["keys"]
        screen.checked(f"it is an OpenID Connect issuer: {discovery['issuer']}, {len(keys)} public key(s)")

    def set_up_trust(self):
        self.steps.begin("Create the workspace, and let OpenBao trust it")
        self.carnet.create("organizations", "organizations", {"name": ORGANIZATION, "email": "demo@example.org"})
        project = self.carnet.create(f"organizations/{ORGANIZATION}/projects", "projects", {"name": PROJECT})
        relationships = {"project": {"data": {"type": "projects", "id": project}}}
        workspaces = f"organizations/{ORGANIZATION}/workspaces"
        self.workspace_id = self.carnet.create(workspaces, "workspaces", {"name": WORKSPACE}, relationships)
        screen.checked(f"organization {ORGANIZATION}, project {PROJECT}, workspace {WORKSPACE} ({self.workspace_id})")
        trust = self.trust()
        screen.say("What `carnet trust vault` prints is sent to OpenBao as it is:")
        for request in trust["requests"]:
            self.openbao.must(request["method"], request["path"], request["body"])
            subject = request["body"].get("bound_claims", {}).get("sub")
            screen.checked(f"{request['method']} {request['path']}" + (f"  for {subject}" if subject else ""))
        variables = [*trust["variables"], {"key": "bao", "value": self.bao, "category": "terraform"}]
        for variable in variables:
            self.carnet.create(f"workspaces/{self.workspace_id}/vars", "vars", variable)
            value = variable["value"] if len(variable["value"]) < 70 else variable["value"][:40] + "…"
            screen.checked(f"variable {variable['key']} = {value}")

    def trust(self):
        command = [self.carnet_binary, "trust", "vault", "--url", f"https://{self.host}", "--org", ORGANIZATION]
        command += ["--project", PROJECT, "--workspace", WORKSPACE, "--format", "json"]
        command += ["--policy-plan", "shop-plan", "--policy-apply", "shop-apply", "--vault-addr", self.openbao.base]
        command += ["--issuer-ca-file", self.carnet_ca, "--vault-ca-file", self.openbao_ca]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def init_and_plan(self):
        self.steps.begin("terraform init and terraform plan")
        terraform = Terraform(self.terraform_binary, self.processes, FOLDER, self.carnet_ca)
        terraform.configure(ROOT / "demo/configuration", self.host, self.token, ORGANIZATION, WORKSPACE)
        self.terraform = terraform
        screen.say(f"in {terraform.directory}, with a `cloud` block for {self.host}")
        terraform.run("init", "-input=false")
        terraform.run("plan", "-input=false")
        tokens = self.carnet.identity_tokens(self.workspace_id)
        self.require([token["phase"] for token in tokens] == ["plan"], "the plan got one identity, a plan's")

    def apply(self):
        self.steps.begin("terraform apply")
        screen.say("The approval is given by the demo, after a look into the ledger.")
        printed = self.terraform.run("apply", approve=self.check_before_approval)
        phases = [token["phase"] for token in self.tokens_of_run()]
        self.require(phases == ["plan", "apply"], "after the approval there is an apply identity, too")
        fingerprint = hashlib.sha256(self.password.encode()).hexdigest()[:16]
        self.require(fingerprint in printed, f"the run has read the right secret: its fingerprint is {fingerprint}")
        self.require(self.password not in printed, "the secret itself is not in the log")
        status = self.carnet.run(self.run_id)["status"]
        self.require(status == "applied", f"{self.run_id} is {status}")

    def check_before_approval(self):
        runs = self.carnet.must("GET", f"/api/v2/workspaces/{self.workspace_id}/runs")["data"]
        self.run_id = runs[0]["id"]
        phases = [token["phase"] for token in self.tokens_of_run()]
        self.require(phases == ["plan"], f"before the approval {self.run_id} has a plan identity only")

    def tokens_of_run(self):
        tokens = self.carnet.identity_tokens(self.workspace_id)
        return [token for token in tokens if token["run_id"] == self.run_id]

    def look_behind(self):
        self.steps.begin("Look behind it: identities, policies, revocation")
        plan, apply = self.tokens_of_run()
        self.show_claims(plan["claims"], apply["claims"])
        subject = f"organization:{ORGANIZATION}:project:{PROJECT}:workspace:{WORKSPACE}:run_phase:"
        subjects = [plan["claims"]["sub"], apply["claims"]["sub"]]
        self.require(subjects == [subject + "plan", subject + "apply"], "plan and apply had different identities")
        self.require(plan["claims"]["jti"] != apply["claims"]["jti"], "each token was minted for its phase alone")
        self.show_logins()

    def show_claims(self, plan, apply):
        rows = [("claim", "plan", "apply")]
        for name in plan:
            rows.append((name, str(plan[name]), str(apply[name]) if apply[name] != plan[name] else "the same"))
        screen.table(rows)

    def show_logins(self):
        logins = self.openbao.logins("jwt")
        screen.say("\nWhat OpenBao's audit log says about the two runs:")
        rows = [(login["role"], ", ".join(login["policies"]), login["accessor"]) for login in logins]
        screen.table([("role", "policies", "accessor of the token"), *rows])
        role = f"carnet-{ORGANIZATION}-{WORKSPACE}-"
        expected = [(role + "plan", ["shop-plan"]), (role + "plan", ["shop-plan"]), (role + "apply", ["shop-apply"])]
        found = [(login["role"], login["policies"]) for login in logins]
        self.require(found == expected, "each phase logged in once, under its own role, and got that role's policy")
        readers = self.openbao.readers(SECRET)
        of_apply = {logins[-1]["accessor"]}
        self.require(set(readers) == of_apply, "the secret was read with the token of the apply, and no other")
        for login in logins:
            wait_until("the token is revoked", lambda: not self.openbao.is_live(login["accessor"]), limit=15)
            screen.checked(f"OpenBao says: the token {login['accessor']} of {login['role']} exists no more")
        self.sweep()

    def sweep(self):
        left = [path for path in (FOLDER / "work").rglob("*") if path.is_file()]
        self.require(not left, "the agent's work directory is empty")
        swept = [FOLDER / "carnet.log", *(path for path in (FOLDER / "carnet").rglob("*") if path.is_file())]
        told = re.compile(self.password.encode() + rb"|eyJ[\w-]{20,}\.eyJ[\w-]{20,}")
        kept = [path for path in swept if told.search(path.read_bytes())]
        self.require(not kept, f"neither the secret nor a token is in Carnet's log and data ({len(swept)} files)")

    def end(self):
        self.processes.end_all()
        left = processes_mentioning(str(FOLDER))
        self.require(not left, "no process is left behind")
        screen.title("\nEverything was checked. Where to look next:")
        screen.say(
            f"{FOLDER.name}/configuration     the configuration, with its cloud block\n"
            f"{FOLDER.name}/carnet.log        what the server and its agent did; tokens are nowhere in it\n"
            f"{FOLDER.name}/openbao/audit.log what OpenBao saw\n"
            "README.md               start a server of your own, and give a workspace credentials\n"
            "ARCHITECTURE.md         one run followed from end to end\n"
            "carnet trust vault --help\n"
            f"The folder {FOLDER.name} is made anew by the next demo; remove it whenever you like."
        )

    def require(self, holds, text):
        if not holds:
            raise DemoError(f"this does not hold: {text}")
        screen.checked(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--carnet", type=Path, metavar="FILE")
    options = parser.parse_args()
    screen.title("Carnet: terraform apply with credentials that did not exist a minute ago")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(mode=0o700)
    processes = Processes()
    try:
        Demo(options.carnet.absolute() if options.carnet else None, processes).run()
    except (DemoError, OSError, subprocess.CalledProcessError) as error:
        screen.failed(str(error))
        return 1
    except KeyboardInterrupt:
        screen.failed("interrupted")
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        processes.end_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
