"""A stand-in for the Hugging Face Hub on this machine: what `skd push`, `snapshot_download` and
`pip install URL` ask of it, and what it refuses.
"""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import srsly

from spacy_skd.hub.card import LICENCES

WRITER, READER = "hf_writer", "hf_reader"
TOKENS = {WRITER: {"name": "ada", "may": {"ada", "lab"}}, READER: {"name": "ben", "may": set()}}
LARGE = (".whl", ".npz", ".npy", "/model")
ATTRIBUTES = b"*.whl filter=lfs diff=lfs merge=lfs -text\n"


def git_sha(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Refused(Exception):
    def __init__(self, status, message, code=None, **more):
        super().__init__(message)
        self.status, self.code, self.more = status, code, more


class Repository:
    """Branches are lists of commits, each a dict of files: {path: (content, is large)}."""

    def __init__(self, private):
        self.private = private
        self.messages = ["initial commit"]
        self.commits = {"main": [{".gitattributes": (ATTRIBUTES, False)}]}

    def sha(self, branch):
        return hashlib.sha1(f"{branch} {len(self.commits[branch])}".encode()).hexdigest()

    def files(self, revision):
        for branch, commits in self.commits.items():
            for i, files in enumerate(commits, start=1):
                sha = hashlib.sha1(f"{branch} {i}".encode()).hexdigest()
                if revision == sha or (revision == branch and i == len(commits)):
                    return sha, files
        raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")


class Hub:
    """What is on it, and what happened: `requests` are "METHOD path"."""

    def __init__(self):
        self.url = ""
        self.clear()

    def clear(self):
        self.repositories, self.objects, self.requests = {}, {}, []
        self.damage_uploads = self.change_meanwhile = False

    def find(self, repo, user):
        found = self.repositories.get(repo)
        if found is None or (found.private and repo.split("/")[0] not in user["may"]):
            raise Refused(401 if user is ANYBODY else 404, "Repository not found", "RepoNotFound")
        return found

    def writable(self, repo, user):
        found = self.find(repo, user)
        if repo.split("/")[0] not in user["may"]:
            raise Refused(403, "You don't have the rights to write to this repository")
        return found


ANYBODY: dict = {"name": None, "may": set()}


def check_card(text):
    """What the Hub checks of README.md: a list of mistakes."""
    block = re.match(r"---\n(.*?)\n---\n", text, flags=re.S)
    if not block:
        return []
    try:
        data = srsly.yaml_loads(block[1])
    except ValueError as error:
        return [f"YAML: {error}"]
    mistakes = []
    if data.get("license", "mit") not in LICENCES:
        mistakes.append(f'"license" must be one of the known ones, not {data["license"]}')
    if data.get("license") == "other" and not data.get("license_name"):
        mistakes.append('"license_name" is required where "license" is other')
    languages = data.get("language", [])
    for language in [languages] if isinstance(languages, str) else languages:
        if not isinstance(language, str) or not re.fullmatch(
            r"[a-z]{2,3}|code|multilingual", language
        ):
            mistakes.append(f'"language" must be an ISO 639 code, not {language}')
    for index in data.get("model-index", []):
        if not isinstance(index.get("name"), str) or not index.get("results"):
            mistakes.append('"model-index" needs a name and results')
        for result in index.get("results", []):
            kinds = [result["task"].get("type"), result["dataset"].get("type")]
            if not all(kinds) or not result["dataset"].get("name") or not result["metrics"]:
                mistakes.append('"model-index" needs task, dataset and metrics')
            for metric in result["metrics"]:
                if not metric.get("type") or metric.get("value") is None:
                    mistakes.append('"model-index" needs type and value of each metric')
    return mistakes


def json_lines(body):
    return [json.loads(line) for line in body.splitlines() if line]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.answer()

    do_POST = do_PUT = do_HEAD = do_GET

    def answer(self):
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        self.body = self.read_body()
        try:
            for pattern, method in ROUTES:
                match = re.fullmatch(pattern, f"{self.command} {urlsplit(self.path).path}")
                if match:
                    return method(self, *map(unquote, match.groups()))
            raise Refused(404, f"no such address: {path}")
        except Refused as refused:
            headers = {"X-Error-Code": refused.code, "X-Error-Message": str(refused)}
            body = {"error": str(refused), **refused.more}
            self.send(body, refused.status, {k: v for k, v in headers.items() if v})

    def read_body(self):
        """Also in pieces, as releases from 1 on send it."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def send(self, content, status=200, headers=()):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if "Content-Length" not in dict(headers):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    @property
    def user(self):
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token and token not in TOKENS:
            raise Refused(401, "Invalid credentials in Authorization header")
        return TOKENS.get(token, ANYBODY)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def here(self):
        return f"http://{self.headers['Host']}"

    def whoami(self):
        if self.user is ANYBODY:
            raise Refused(401, "Invalid username or password.")
        self.send({"name": self.user["name"], "type": "user", "orgs": []})

    def create(self):
        given = self.json
        owner = given.get("organization") or self.user["name"]
        # Releases from 1 on say it in another way.
        private = bool(given.get("private")) or given.get("visibility") == "private"
        name = f"{owner}/{given['name']}"
        if owner not in self.user["may"]:
            message = f'You don\'t have the rights to create a model under the namespace "{owner}"'
            raise Refused(403, message)
        if name in self.hub.repositories:
            url = f"{self.here}/{name}"
            raise Refused(409, "You already created this model repo", url=url)
        self.hub.repositories[name] = Repository(private)
        self.send({"url": f"{self.here}/{name}", "name": name, "id": name})

    def info(self, repo, revision="main"):
        found = self.hub.find(repo, self.user)
        sha, files = found.files(revision)
        siblings = [{"rfilename": name} for name in files]
        self.send({"id": repo, "private": found.private, "sha": sha, "siblings": siblings})

    def branch(self, repo, branch):
        found = self.hub.writable(repo, self.user)
        if not re.fullmatch(r"[\w/-]+(\.[\w/-]+)*", branch):
            raise Refused(400, "Invalid reference name")
        if branch in found.commits:
            raise Refused(409, "Reference already exists")
        found.commits[branch] = list(found.commits["main"])
        self.send({})

    def tree(self, repo, revision):
        _, files = self.hub.find(repo, self.user).files(revision)
        folders = {name.rsplit("/", 1)[0] for name in files if "/" in name}
        entries = [{"type": "directory", "path": f, "oid": "0" * 40, "size": 0} for f in folders]
        for name, (content, large) in files.items():
            entry = {"type": "file", "path": name, "size": len(content), "oid": git_sha(content)}
            if large:
                sha256 = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"oid": sha256, "size": len(content), "pointerSize": 130}
                entry["oid"] = git_sha(sha256.encode())
            entries.append(entry)
        self.send(entries)

    def validate(self):
        mistakes = check_card(self.json["content"])
        if mistakes:
            errors = [{"message": mistake} for mistake in mistakes]
            raise Refused(400, "Invalid metadata", errors=errors)
        self.send({"errors": [], "warnings": []})

    def preupload(self, repo, revision):
        self.hub.writable(repo, self.user).files(revision)
        modes = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
                "shouldIgnore": False,
            }
            for file in self.json["files"]
        ]
        self.send({"files": modes})

    def batch(self, repo):
        self.hub.writable(repo, self.user)
        objects = []
        for entry in self.json["objects"]:
            upload = {"href": f"{self.here}/objects/{entry['oid']}", "header": {}}
            verify = {"href": f"{self.here}/verify", "header": {}}
            known = entry["oid"] in self.hub.objects
            objects.append(
                {**entry, **({} if known else {"actions": {"upload": upload, "verify": verify}})}
            )
        self.send({"transfer": "basic", "objects": objects})

    def upload(self, oid):
        content = self.body[:-1] + b"?" if self.hub.damage_uploads else self.body
        if hashlib.sha256(content).hexdigest() != oid:
            raise Refused(400, "BadDigest: the SHA-256 that was given is not that of the content")
        self.hub.objects[oid] = content
        self.send({})

    def verify(self):
        if len(self.hub.objects.get(self.json["oid"], b"")) != self.json["size"]:
            raise Refused(422, "Size or oid is not that of the upload")
        self.send({})

    def commit(self, repo, revision):
        found = self.hub.writable(repo, self.user)
        if self.hub.change_meanwhile:
            found.commits[revision].append(found.commits[revision][-1])
        head, lines = found.sha(revision), json_lines(self.body)
        header = next(line["value"] for line in lines if line["key"] == "header")
        if header.get("parentCommit") not in (None, head):
            raise Refused(412, "A commit has happened since. Please refresh and try again.")
        files = dict(found.commits[revision][-1])
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = (base64.b64decode(value["content"]), False)
            elif line["key"] == "lfsFile":
                if value["oid"] not in self.hub.objects:
                    raise Refused(
                        400, f"LFS pointer pointed to a file that does not exist: {value['path']}"
                    )
                files[value["path"]] = (self.hub.objects[value["oid"]], True)
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        if mistakes := check_card(files["README.md"][0].decode()):
            raise Refused(400, "; ".join(mistakes))
        found.commits[revision].append(files)
        found.messages.append(header["summary"])
        sha = found.sha(revision)
        self.send(
            {"success": True, "commitOid": sha, "commitUrl": f"{self.here}/{repo}/commit/{sha}"}
        )

    def resolve(self, repo, revision, name):
        sha, files = self.hub.find(repo, self.user).files(revision)
        if name not in files:
            raise Refused(404, "Entry not found", "EntryNotFound")
        content, large = files[name]
        etag = hashlib.sha256(content).hexdigest() if large else git_sha(content)
        headers = {"X-Repo-Commit": sha, "ETag": f'"{etag}"', "Content-Length": str(len(content))}
        self.send(content, headers=headers)


NAME = r"([^/]+/[^/]+)"
ROUTES = [
    (r"GET /api/whoami-v2", Handler.whoami),
    (r"POST /api/repos/create", Handler.create),
    (r"POST /api/validate-yaml", Handler.validate),
    (rf"GET /api/models/{NAME}", Handler.info),
    (rf"GET /api/models/{NAME}/revision/([^/]+)", Handler.info),
    (rf"POST /api/models/{NAME}/branch/([^/]+)", Handler.branch),
    (rf"GET /api/models/{NAME}/tree/([^/]+)/?", Handler.tree),
    (rf"POST /api/models/{NAME}/preupload/([^/]+)", Handler.preupload),
    (rf"POST /api/models/{NAME}/commit/([^/]+)", Handler.commit),
    (rf"POST /{NAME}\.git/info/lfs/objects/batch", Handler.batch),
    (r"PUT /objects/([0-9a-f]+)", Handler.upload),
    (r"POST /verify", Handler.verify),
    (rf"(?:GET|HEAD) /{NAME}/resolve/([^/]+)/(.+)", Handler.resolve),
]


@contextmanager
def running():
    """The stand-in and its address, while it runs."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
