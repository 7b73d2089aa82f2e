//! Everybody who can tell whether a token is one of the issuer's.

use std::{path::PathBuf, process::Stdio};

use anyhow::{Context, ensure};
use carnet_tests::{
    Access, CertificateAuthority, Envoy, EnvoyOptions, JwtRole, OpenBao, SeaweedFs, SeaweedOptions, Tool,
    TrustedIssuer, TrustedRole, tool,
};
use tokio::{
    io::AsyncWriteExt,
    process::{ChildStdin, Command},
};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/jose");
const ROLE: &str = "reader";

/// Whether a token was accepted, and for what reason not.
pub(super) type Verdict = Result<(), String>;

/// Which tokens are the right ones.
pub(super) struct Expected<'a> {
    pub(super) issuer: TrustedIssuer,
    pub(super) issuer_ca: PathBuf,
    pub(super) audience: &'a str,
    pub(super) subject: &'a str,
}

/// An implementation of JOSE, with the program or the server around it.
pub(super) enum Verifier {
    /// Rust: `jsonwebtoken`.
    Rust(TrustedIssuer, String),
    /// Python and JavaScript: libraries in a program that reads tokens and prints verdicts.
    Program { name: String, program: PathBuf, arguments: Vec<String>, ca_file: PathBuf, subject: String },
    /// Go: `go-jose`.
    OpenBao(Box<OpenBao>),
    /// Go: `golang-jwt`.
    SeaweedFs(Box<SeaweedFs>),
    /// C++: `jwt_verify_lib`.
    Envoy(Box<Envoy>),
}

impl Verifier {
    /// Every implementation, ready to judge.
    pub(super) async fn all(expected: &Expected<'_>) -> anyhow::Result<Vec<Self>> {
        let (bao, seaweed, envoy) =
            tokio::try_join!(open_bao(expected), seaweed_fs(expected), envoy(expected))?;
        let mut all = vec![
            Self::Rust(expected.issuer.clone(), expected.audience.to_owned()),
            Self::OpenBao(Box::new(bao)),
            Self::SeaweedFs(Box::new(seaweed)),
            Self::Envoy(Box::new(envoy)),
        ];
        let python = tool(Tool::JosePython).await?;
        let ca_file = expected.issuer_ca.display().to_string();
        for library in ["pyjwt", "joserfc", "python-jose", "jwcrypto"] {
            all.push(program(expected, library, python.clone(), "verify.py", &ca_file));
        }
        let node = tool(Tool::JoseNode).await?;
        let folder = node.display().to_string();
        for library in ["jose", "jsrsasign"] {
            all.push(program(expected, library, node.join("node"), "verify.cjs", &folder));
        }
        Ok(all)
    }

    /// What the implementation is called.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Rust(..) => "jsonwebtoken",
            Self::Program { name, .. } => name,
            Self::OpenBao(_) => "OpenBao",
            Self::SeaweedFs(_) => "SeaweedFS",
            Self::Envoy(_) => "Envoy",
        }
    }

    /// The verdicts on tokens, in their order.
    pub(super) async fn judge(&self, tokens: &[String]) -> anyhow::Result<Vec<Verdict>> {
        if let Self::Program { program, arguments, ca_file, subject, .. } = self {
            return run(program, arguments, ca_file, subject, tokens).await;
        }
        let mut verdicts = Vec::new();
        for token in tokens {
            verdicts.push(match self {
                Self::Rust(issuer, audience) => issuer.verify(token, audience).await.map(drop),
                Self::OpenBao(bao) => {
                    let answer = bao.login("jwt", ROLE, token).await?;
                    verdict(answer.status, &[400], &answer.body.to_string())?
                }
                Self::SeaweedFs(seaweed) => {
                    let answer = seaweed.assume_role(ROLE, token).await?;
                    verdict(answer.status, &[400, 403], &answer.body.to_string())?
                }
                Self::Envoy(envoy) => {
                    let answer = envoy.request(token).await?;
                    verdict(answer.status, &[401, 403], &answer.body.to_string())?
                }
                Self::Program { .. } => unreachable!("programs were handled above"),
            });
        }
        Ok(verdicts)
    }
}

/// A refusal is one of some statuses; anything else says nothing about the token.
fn verdict(status: u16, refusals: &[u16], body: &str) -> anyhow::Result<Verdict> {
    match status {
        200 => Ok(Ok(())),
        status if refusals.contains(&status) => Ok(Err(body.to_owned())),
        _ => anyhow::bail!("the answer was {status}: {body}"),
    }
}

fn program(expected: &Expected<'_>, name: &str, program: PathBuf, file: &str, last: &str) -> Verifier {
    let script = format!("{HERE}/{file}");
    let arguments = [&*script, name, &expected.issuer.url, expected.audience, last].map(str::to_owned);
    Verifier::Program {
        name: name.to_owned(),
        program,
        arguments: arguments.to_vec(),
        ca_file: expected.issuer_ca.clone(),
        subject: expected.subject.to_owned(),
    }
}

async fn run(
    program: &PathBuf,
    arguments: &[String],
    ca_file: &PathBuf,
    subject: &str,
    tokens: &[String],
) -> anyhow::Result<Vec<Verdict>> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("NODE_EXTRA_CA_CERTS", ca_file)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("{} cannot be started", program.display()))?;
    let mut input: ChildStdin = child.stdin.take().context("the program has no input")?;
    input.write_all(format!("{}\n", tokens.join("\n")).as_bytes()).await?;
    drop(input);
    let output = child.wait_with_output().await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?} failed: {errors}");
    let printed = String::from_utf8(output.stdout)?;
    let verdicts = printed.lines().map(|line| match line.split_once(' ') {
        Some(("accepted", found)) if found == subject => Ok(Ok(())),
        Some(("refused", reason)) => Ok(Err(reason.to_owned())),
        _ => anyhow::bail!("{arguments:?} printed {line:?}\n{errors}"),
    });
    let verdicts: Vec<Verdict> = verdicts.collect::<anyhow::Result<_>>()?;
    ensure!(verdicts.len() == tokens.len(), "{arguments:?} judged {} of {}", verdicts.len(), tokens.len());
    Ok(verdicts)
}

async fn open_bao(expected: &Expected<'_>) -> anyhow::Result<OpenBao> {
    let bao = OpenBao::start(&CertificateAuthority::new()?).await?;
    bao.trust_issuer("jwt", &expected.issuer.url, &expected.issuer.ca_pem).await?;
    let Expected { audience, subject, .. } = expected;
    bao.write_role("jwt", &JwtRole { name: ROLE, audience, subject, policies: &[] }).await?;
    Ok(bao)
}

async fn seaweed_fs(expected: &Expected<'_>) -> anyhow::Result<SeaweedFs> {
    let role =
        TrustedRole { name: ROLE.to_owned(), subject: expected.subject.to_owned(), access: Access::Read };
    let options = SeaweedOptions {
        issuer_url: expected.issuer.url.clone(),
        jwks_url: jwks_url(expected),
        issuer_ca: expected.issuer_ca.clone(),
        audience: expected.audience.to_owned(),
        roles: vec![role],
    };
    SeaweedFs::start(&options).await
}

async fn envoy(expected: &Expected<'_>) -> anyhow::Result<Envoy> {
    let options = EnvoyOptions {
        issuer_url: expected.issuer.url.clone(),
        jwks_url: jwks_url(expected),
        issuer_ca: expected.issuer_ca.clone(),
        audience: expected.audience.to_owned(),
    };
    Envoy::start(&options).await
}

fn jwks_url(expected: &Expected<'_>) -> String {
    format!("{}/.well-known/jwks", expected.issuer.url)
}
