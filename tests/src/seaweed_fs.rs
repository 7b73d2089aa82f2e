//! SeaweedFS: an S3 gateway whose token service verifies identity tokens.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::bail;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    json_client::{Answer, JsonClient},
    port::free_ports,
    process::{ChildProcess, Ending, Start},
    tool::{Tool, tool},
};

const START_ATTEMPTS: usize = 5;

/// How long role sessions live where nobody says otherwise, as in AWS.
const SESSION: Duration = Duration::from_secs(3600);

/// The name under which roles know the issuer: its trust policies take this name, not the issuer's URL.
const PROVIDER: &str = "carnet";

/// What a role may do with objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read and list.
    Read,
    /// Everything.
    Write,
}

/// A role that one subject may assume.
#[derive(Debug, Clone)]
pub struct TrustedRole {
    /// The role's name.
    pub name: String,
    /// The subject of the tokens that may assume it.
    pub subject: String,
    /// What it may do.
    pub access: Access,
}

/// How the token service is set up; it reads its configuration at the start only.
#[derive(Debug, Clone)]
pub struct SeaweedOptions {
    /// The issuer's URL.
    pub issuer_url: String,
    /// Where the issuer's key set is.
    pub jwks_url: String,
    /// The file with the certificate of the authority behind the issuer's.
    pub issuer_ca: PathBuf,
    /// The audience that tokens must have.
    pub audience: String,
    /// The roles.
    pub roles: Vec<TrustedRole>,
}

/// A running SeaweedFS.
#[derive(Debug)]
pub struct SeaweedFs {
    process: ChildProcess,
    gateway: JsonClient,
    filer: JsonClient,
    /// The secret of the administrator.
    administrator_secret: String,
    /// Sockets that the server leaves in the temporary directory of the machine.
    sockets: Vec<PathBuf>,
    _folder: TempDir,
}

struct Ports {
    master: [u16; 2],
    volume: [u16; 2],
    filer: [u16; 2],
    s3: [u16; 2],
}

impl SeaweedFs {
    /// Starts a server; it takes about three seconds.
    pub async fn start(options: &SeaweedOptions) -> anyhow::Result<Self> {
        Self::start_with_sessions(options, SESSION).await
    }

    /// The same, with role sessions that live for this long.
    pub async fn start_with_sessions(options: &SeaweedOptions, session: Duration) -> anyhow::Result<Self> {
        Self::start_configured(&token_service(options, session).to_string()).await
    }

    /// The same, with trust policies of the roles' own, by their names. They are as for AWS; the server has names of its own for the
    /// provider and for the keys of conditions, which are put in their place.
    pub async fn start_with_policies(
        options: &SeaweedOptions,
        policies: &[(&str, &Value)],
    ) -> anyhow::Result<Self> {
        let host = options.issuer_url.split_once("://").map_or(&*options.issuer_url, |(_, rest)| rest);
        let mut configuration = token_service(options, SESSION);
        for role in configuration["roles"].as_array_mut().into_iter().flatten() {
            let own = policies.iter().find(|(name, _)| role["roleName"] == *name);
            let Some((_, policy)) = own else { continue };
            let text = policy.to_string().replace(&format!("\"{host}:"), "\"oidc:");
            let mut policy: Value = serde_json::from_str(&text)?;
            policy["Statement"][0]["Principal"]["Federated"] = PROVIDER.into();
            role["trustPolicy"] = policy;
        }
        Self::start_configured(&configuration.to_string()).await
    }

    /// The same, with roles whose whole trust policies are given; the provider is called `carnet` in them.
    pub async fn start_with_trust(
        options: &SeaweedOptions,
        trust_policies: &[(String, Value)],
    ) -> anyhow::Result<Self> {
        let mut configuration = token_service(options, SESSION);
        let roles = trust_policies.iter().map(|(name, policy)| {
            json!({
                "roleName": name,
                "roleArn": Self::role_arn(name),
                "attachedPolicies": ["read"],
                "trustPolicy": policy,
            })
        });
        configuration["roles"] = roles.collect();
        Self::start_configured(&configuration.to_string()).await
    }

    async fn start_configured(token_service: &str) -> anyhow::Result<Self> {
        let program = tool(Tool::SeaweedFs).await?;
        for _ in 0..START_ATTEMPTS {
            if let Some(server) = Self::try_start(&program, token_service).await? {
                return Ok(server);
            }
        }
        bail!("seaweedfs found no free ports in {START_ATTEMPTS} attempts")
    }

    async fn try_start(program: &Path, token_service: &str) -> anyhow::Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let ports = Ports::free()?;
        std::fs::create_dir(folder.path().join("data"))?;
        std::fs::write(folder.path().join("iam.json"), token_service)?;
        // Without an identity of its own the gateway would let everybody in.
        let administrator_secret = uuid::Uuid::new_v4().to_string();
        std::fs::write(folder.path().join("s3.json"), identities(&administrator_secret).to_string())?;
        let mut command = Command::new(program);
        command.args(arguments(folder.path(), &ports)).env_clear().env("HOME", folder.path());
        command.current_dir(folder.path());
        let log = folder.path().join("seaweedfs.log");
        let process = ChildProcess::spawn("seaweedfs", command, &log, Ending::Kill)?;
        let mut server = Self {
            process,
            gateway: JsonClient::new(&format!("http://127.0.0.1:{}", ports.s3[0]), None)?,
            filer: JsonClient::new(&format!("http://127.0.0.1:{}", ports.filer[0]), None)?,
            administrator_secret,
            sockets: ports.sockets(),
            _folder: folder,
        };
        let Self { process, gateway, filer, .. } = &mut server;
        let ready = async || {
            let gateway = gateway.request("GET", "/", None).await;
            gateway.is_ok() && filer.request("GET", "/", None).await.is_ok_and(|answer| answer.status == 200)
        };
        Ok(match process.until_ready(ready).await? {
            Start::Ready => Some(server),
            Start::PortTaken => None,
        })
    }

    /// The address of both S3 and the token service.
    pub fn endpoint(&self) -> &str {
        self.gateway.base()
    }

    /// The environment of a program that may do everything with the buckets.
    pub fn environment(&self) -> Vec<(String, String)> {
        let variables = [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "administrator"),
            ("AWS_SECRET_ACCESS_KEY", &self.administrator_secret),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// The server's process.
    pub fn process(&mut self) -> &mut ChildProcess {
        &mut self.process
    }

    /// The access key and the secret of the administrator.
    pub fn administrator(&self) -> (&str, &str) {
        ("administrator", &self.administrator_secret)
    }

    /// The name of a role as `TFC_AWS_RUN_ROLE_ARN` takes it.
    pub fn role_arn(name: &str) -> String {
        format!("arn:aws:iam::123456789012:role/{name}")
    }

    /// Makes a bucket.
    pub async fn create_bucket(&self, name: &str) -> anyhow::Result<()> {
        self.filer.request("POST", &format!("/buckets/{name}/"), None).await?.success()?;
        Ok(())
    }

    /// Writes an object past the gateway.
    pub async fn put_object(&self, bucket: &str, key: &str, content: &str) -> anyhow::Result<()> {
        let path = format!("/buckets/{bucket}/{key}");
        self.filer.put_bytes(&path, content.as_bytes().to_vec()).await?.success()?;
        Ok(())
    }

    /// The content of an object, if there is one.
    pub async fn object(&self, bucket: &str, key: &str) -> anyhow::Result<Option<Value>> {
        let answer = self.filer.request("GET", &format!("/buckets/{bucket}/{key}"), None).await?;
        if answer.status == 404 { Ok(None) } else { answer.success().map(Some) }
    }

    /// Trades an identity token for temporary keys; the answer is XML.
    pub async fn assume_role(&self, role: &str, identity_token: &str) -> anyhow::Result<Answer> {
        let fields = [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", &Self::role_arn(role)),
            ("RoleSessionName", "carnet-test"),
            ("WebIdentityToken", identity_token),
        ];
        self.gateway.post_form("/", &fields).await
    }
}

impl Drop for SeaweedFs {
    fn drop(&mut self) {
        for socket in &self.sockets {
            // Some are there only while the server runs.
            let _gone = std::fs::remove_file(socket);
        }
    }
}

impl Ports {
    fn free() -> anyhow::Result<Self> {
        let [a, b, c, d, e, f, g, h] = free_ports()?;
        Ok(Self { master: [a, b], volume: [c, d], filer: [e, f], s3: [g, h] })
    }

    fn sockets(&self) -> Vec<PathBuf> {
        let parts =
            [("master", self.master), ("volume", self.volume), ("filer", self.filer), ("s3", self.s3)];
        parts
            .map(|(part, [_, grpc])| PathBuf::from(format!("/tmp/seaweedfs-{part}-grpc-{grpc}.sock")))
            .to_vec()
    }
}

fn arguments(folder: &Path, ports: &Ports) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut arguments = vec![
        "-logtostderr".to_owned(),
        "server".to_owned(),
        "-ip=127.0.0.1".to_owned(),
        "-ip.bind=127.0.0.1".to_owned(),
        format!("-dir={}", file("data")),
        // Each bucket takes several volumes: with too few a write waits for ever.
        "-volume.max=100".to_owned(),
        "-master.volumeSizeLimitMB=16".to_owned(),
        "-filer".to_owned(),
        format!("-filer.localSocket={}", file("filer.sock")),
        "-s3".to_owned(),
        // IAM answers at the address of S3, to the administrator alone.
        "-iam=false".to_owned(),
        "-s3.iam.readOnly=false".to_owned(),
        "-s3.port.iceberg=0".to_owned(),
        "-s3.port.lance=0".to_owned(),
        format!("-s3.config={}", file("s3.json")),
        format!("-s3.iam.config={}", file("iam.json")),
        format!("-s3.localSocket={}", file("s3.sock")),
    ];
    let parts =
        [("master", ports.master), ("volume", ports.volume), ("filer", ports.filer), ("s3", ports.s3)];
    for (part, [http, grpc]) in parts {
        arguments.push(format!("-{part}.port={http}"));
        arguments.push(format!("-{part}.port.grpc={grpc}"));
    }
    arguments
}

/// An administrator, and everybody else, who may read one bucket.
fn identities(secret: &str) -> Value {
    json!({"identities": [
        {
            "name": "administrator",
            "credentials": [{"accessKey": "administrator", "secretKey": secret}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {"name": "anonymous", "actions": ["Read:public-oidc"]},
    ]})
}

fn token_service(options: &SeaweedOptions, session: Duration) -> Value {
    let roles: Vec<_> = options.roles.iter().map(role).collect();
    json!({
        "sts": {
            "tokenDuration": format!("{}s", session.as_secs()),
            "maxSessionLength": "12h",
            "issuer": "seaweedfs",
            "signingKey": "c2lnbmluZy1rZXktb2YtYS10aHJvdy1hd2F5LXNlcnZlcg==",
        },
        "providers": [{
            "name": PROVIDER,
            "type": "oidc",
            "enabled": true,
            "config": {
                "issuer": options.issuer_url,
                "clientId": options.audience,
                "jwksUri": options.jwks_url,
                "tlsCaCert": options.issuer_ca,
            },
        }],
        "policy": {"defaultEffect": "Deny", "storeType": "memory"},
        "roleStore": {"storeType": "memory"},
        "roles": roles,
        "policies": [
            policy("read", &["s3:GetObject", "s3:GetObjectTagging", "s3:HeadObject", "s3:ListBucket"]),
            policy("write", &["s3:*"]),
        ],
    })
}

fn role(role: &TrustedRole) -> Value {
    let attached = match role.access {
        Access::Read => "read",
        Access::Write => "write",
    };
    json!({
        "roleName": role.name,
        "roleArn": SeaweedFs::role_arn(&role.name),
        "attachedPolicies": [attached],
        "trustPolicy": {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": PROVIDER},
            "Action": ["sts:AssumeRoleWithWebIdentity"],
            "Condition": {"StringEquals": {"oidc:sub": role.subject}},
        }]},
    })
}

fn policy(name: &str, actions: &[&str]) -> Value {
    json!({"name": name, "document": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": actions, "Resource": ["arn:aws:s3:::*"]},
        {"Effect": "Allow", "Action": ["sts:ValidateSession"], "Resource": ["*"]},
    ]}})
}
