//! `carnet trust check` and `carnet trust scan` as a person calls them.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use carnet_model::{Phase, Timestamp, WorkloadIdentity};
use carnet_tests::{CertificateAuthority, IssuerServer, OpenBao, carnet_binary};
use serde_json::{Value, json};

const SUBJECT: &str = "organization:acme:project:Default Project:workspace:net:run_phase:plan";

fn carnet(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> anyhow::Result<Output> {
    let mut command = Command::new(carnet_binary()?);
    command.arg("trust").args(arguments).env_clear().envs(variables.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().expect("it is piped").write_all(input.as_bytes())?;
    Ok(child.wait_with_output()?)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn write(folder: &Path, name: &str, value: &Value) -> anyhow::Result<String> {
    let file = folder.join(name);
    std::fs::write(&file, value.to_string())?;
    Ok(file.display().to_string())
}

fn aws(subject: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/carnet.example.com"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {"carnet.example.com:aud": "aws.workload.identity"},
            "StringLike": {"carnet.example.com:sub": subject}}}]})
}

#[test]
fn a_policy_is_judged_by_the_names_of_a_workspace() -> anyhow::Result<()> {
    let named = [
        "check",
        "auto",
        "--policy",
        "-",
        "--url",
        "https://carnet.example.com",
        "--org",
        "acme",
        "--workspace",
        "net",
        "--phase",
        "plan",
    ];
    let wrong = SUBJECT.replace("Default Project", "default project");
    let output = carnet(&named, &[], &aws(&wrong).to_string())?;
    let said = text(&output);
    assert_eq!(code(&output), Some(1), "{said}");
    assert!(said.starts_with("refused: AWS would not take this token: "), "{said}");
    assert!(said.contains(r#"^ character 27: "D" where "d" is expected"#), "{said}");
    assert!(said.contains("cause:      letter-case"), "{said}");

    let json = [named.as_slice(), &["--format", "json"]].concat();
    let answer: Value = serde_json::from_slice(&carnet(&json, &[], &aws(&wrong).to_string())?.stdout)?;
    assert_eq!(answer["findings"][0]["difference"]["offset"], 26);
    let output = carnet(&named, &[], &answer["patch"]["policy"].to_string())?;
    assert_eq!(code(&output), Some(0), "{}", text(&output));

    for wrong in
        [&["check", "ibm", "--policy", "-"][..], &["check", "aws", "--policy", "-"], &["check", "aws"]]
    {
        let output = carnet(wrong, &[], "{}")?;
        assert_eq!(code(&output), Some(2), "{}", text(&output));
    }
    Ok(())
}

#[test]
fn trust_that_is_too_wide_is_found_in_files_and_in_standard_input() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let wide = write(folder.path(), "wide.json", &aws("organization:acme:project:p:workspace:net*"))?;
    let again = write(folder.path(), "again.json", &aws("organization:acme:project:p:workspace:net*"))?;
    let output = carnet(&["scan", &wide, &again], &[], "")?;
    let said = text(&output);
    assert_eq!(code(&output), Some(1), "{said}");
    assert!(said.contains("high no-end-mark") && said.contains("medium plan-and-apply-identical"), "{said}");

    let mut narrow = aws(SUBJECT);
    narrow["Statement"][0]["Condition"] = json!({"StringEquals": {
        "carnet.example.com:aud": "aws.workload.identity", "carnet.example.com:sub": SUBJECT}});
    let output = carnet(&["scan", "-", "--format", "json"], &[], &narrow.to_string())?;
    assert_eq!(code(&output), Some(0), "{}", text(&output));
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(answer["policies"][0]["findings"], json!([]));

    // As `aws iam get-role` prints roles of different names.
    let role = |name: &str| json!({"Role": {"RoleName": name, "AssumeRolePolicyDocument": narrow}});
    let plan = write(folder.path(), "plan.json", &role("plan"))?;
    let apply = write(folder.path(), "apply.json", &role("apply"))?;
    let output = carnet(&["scan", &plan, &apply], &[], "")?;
    assert_eq!(code(&output), Some(1));
    assert!(text(&output).contains("plan-and-apply-identical: the same as"), "{}", text(&output));

    // What is not understood is not called narrow.
    for (arguments, document) in [
        (&["scan", "-"][..], json!({"Role": {"RoleName": "x"}})),
        (&["scan", "-", "--family", "kubernetes"], narrow.clone()),
        (&["scan", "-"], json!({"jwt": {"issuer": {}}})),
    ] {
        let output = carnet(arguments, &[], &document.to_string())?;
        let said = text(&output) + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(code(&output), Some(2), "{said}");
        assert!(said.contains("nothing could be read"), "{said}");
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the token is compared with the real time")]
fn now() -> Timestamp {
    Timestamp::now()
}

// The commands block their thread, and the issuer answers them meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_fetched_from_openbao_and_a_token_is_never_printed() -> anyhow::Result<()> {
    let ca = CertificateAuthority::new()?;
    let issuer = IssuerServer::start(&ca).await?;
    let bao = OpenBao::start(&ca).await?;
    bao.trust_issuer("jwt", &issuer.url(), ca.pem()).await?;
    let role = |subject: &str| {
        json!({"role_type": "jwt", "user_claim": "terraform_workspace_id", "bound_audiences": ["vault.workload.identity"],
               "bound_claims": {"sub": subject}})
    };
    bao.admin("POST", "auth/jwt/role/net", role(&SUBJECT.replace("acme", "Acme"))).await?;
    let identity = WorkloadIdentity {
        organization_id: "org-AAAAAAAAAAAAAAAA".parse()?,
        organization_name: "acme".parse()?,
        project_id: "prj-AAAAAAAAAAAAAAAA".parse()?,
        project_name: "Default Project".parse()?,
        workspace_id: "ws-AAAAAAAAAAAAAAAA".parse()?,
        workspace_name: "net".parse()?,
        run_id: "run-AAAAAAAAAAAAAAAA".parse()?,
        phase: Phase::Plan,
    };
    let token = issuer.mint(&identity, "vault.workload.identity", now())?;
    let ca_file = ca.pem_file().display().to_string();
    let variables =
        [("VAULT_ADDR", bao.address()), ("VAULT_TOKEN", bao.root_token()), ("VAULT_CACERT", &ca_file)];
    let folder = tempfile::tempdir()?;
    let keys = write(folder.path(), "jwks.json", &issuer.jwks()?)?;
    let arguments = ["check", "vault", "--fetch", "vault:jwt/net", "--token", "-", "--jwks", &keys];

    assert_eq!(bao.login("jwt", "net", &token).await?.status, 400);
    let output = carnet(&arguments, &variables, &token)?;
    let said = text(&output);
    assert_eq!(code(&output), Some(1), "{said}");
    assert!(said.contains("cause:      letter-case") && said.contains("the signature is right"), "{said}");
    let parts: Vec<&str> = token.split('.').collect();
    assert!(parts.iter().all(|part| !said.contains(part)), "a part of the token was printed");

    // The patch, as it was printed, is what OpenBao accepts.
    let json = [arguments.as_slice(), &["--format", "json"]].concat();
    let answer: Value = serde_json::from_slice(&carnet(&json, &variables, &token)?.stdout)?;
    bao.admin("POST", "auth/jwt/role/net", answer["patch"]["policy"]["data"].clone()).await?;
    assert_eq!(bao.login("jwt", "net", &token).await?.status, 200);
    let output = carnet(&arguments, &variables, &token)?;
    assert_eq!(code(&output), Some(0), "{}", text(&output));

    // What OpenBao accepts because it knows the authority, the world does not reach.
    let outside = [arguments.as_slice(), &["--outside"]].concat();
    let output = carnet(&outside, &variables, &token)?;
    assert_eq!(code(&output), Some(1), "{}", text(&output));
    assert!(text(&output).contains("accepted") && text(&output).contains("certificate"), "{}", text(&output));
    let outside = [outside.as_slice(), &["--ca-file", &ca_file, "--format", "json"]].concat();
    let output = carnet(&outside, &variables, &token)?;
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(answer["verdict"], "accepted");
    let kid = json!(answer["outside"]["findings"]).to_string();
    assert!(kid.contains("key"), "{kid}");

    // A signature that is not the issuer's is an error, and no verdict.
    let forged = format!("{}.{}.{}", parts[0], parts[1], parts[2].chars().rev().collect::<String>());
    let output = carnet(&arguments, &variables, &forged)?;
    assert!(text(&output).contains("signature"), "{}", text(&output));
    assert_eq!(code(&output), Some(2));
    Ok(())
}
