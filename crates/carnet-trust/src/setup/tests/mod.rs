//! What is written, for whom, and that nothing breaks out of it.

mod documents;
mod hostile;
mod limits;
mod options;
mod scanned;
mod script;

use super::{FAMILIES, FamilyOptions, Phases, Scope, Subjects, TrustFormat, TrustRequest, Variables, write};

/// A request for the workspace `net` of `acme`.
fn request(family: &str, options: serde_json::Value) -> TrustRequest {
    TrustRequest {
        issuer: "https://carnet.example.org".into(),
        application: "https://carnet.example.org".into(),
        issuer_ca: None,
        issuer_keys: None,
        organization: "acme".parse().expect("valid"),
        project: "Default Project".parse().expect("valid"),
        workspace: Some("net".parse().expect("valid")),
        workspace_id: None,
        scope: Scope::Workspace,
        phases: Phases::Both,
        tag: None,
        subjects: Subjects::default(),
        audience: None,
        knows_issuer: false,
        variables: Variables::Write,
        family: FamilyOptions::parse(family, options).expect("options"),
    }
}

/// The JSON of a request.
fn json(request: &TrustRequest) -> serde_json::Value {
    serde_json::from_str(&write(request, TrustFormat::Json).expect("text")).expect("JSON")
}

/// The document of this name.
fn document(request: &TrustRequest, name: &str) -> serde_json::Value {
    let json = json(request);
    let documents = json["documents"].as_array().expect("documents");
    let found = documents.iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {documents:#?}"))["body"].clone()
}

const FORMATS: [TrustFormat; 3] = [TrustFormat::Terraform, TrustFormat::Cli, TrustFormat::Json];

#[test]
fn every_family_is_written_in_every_format_for_every_phase() {
    for family in FAMILIES {
        for phases in [Phases::Plan, Phases::Apply, Phases::Both] {
            let request = TrustRequest { phases, ..request(family, serde_json::Value::Null) };
            for format in FORMATS {
                let text = write(&request, format).unwrap_or_else(|error| panic!("{family}: {error}"));
                for phase in ["plan", "apply"] {
                    let is_asked = phases.each().iter().any(|one| one.as_str() == phase);
                    let subject = format!("workspace:net:run_phase:{phase}");
                    // Google knows the workspace by its id, as the name of the project has a space.
                    let is_there = match family {
                        "gcp" => {
                            text.contains(&format!(":{phase}\"")) || text.contains(&format!(":{phase}\n"))
                        }
                        _ => text.contains(&subject),
                    };
                    assert_eq!(is_there, is_asked, "{family} {phases:?} {format:?} {phase}\n{text}");
                }
            }
        }
    }
}

#[test]
fn a_tag_is_in_every_variable_and_every_name() {
    for family in FAMILIES {
        let tagged = TrustRequest { tag: Some("EAST".into()), ..request(family, serde_json::Value::Null) };
        let json = json(&tagged);
        for variable in json["variables"].as_array().expect("variables") {
            let key = variable["key"].as_str().expect("a key");
            assert!(key.ends_with("_EAST"), "{family}: {key}");
        }
        let plain = request(family, serde_json::Value::Null);
        let text = write(&tagged, TrustFormat::Terraform).expect("text");
        assert!(!text.contains("\"carnet-acme-net-plan\""), "{family}");
        assert_ne!(text, write(&plain, TrustFormat::Terraform).expect("text"));
    }
}

#[test]
fn options_that_nobody_knows_are_refused() {
    for family in FAMILIES {
        let error = FamilyOptions::parse(family, serde_json::json!({"roel": "x"})).expect_err(family);
        assert!(error.contains("roel"), "{family}: {error}");
    }
    assert!(FamilyOptions::parse("ibm", serde_json::Value::Null).is_err());
}

#[test]
fn variables_can_be_shown_for_somebody_else_to_write() {
    for family in FAMILIES {
        let request = TrustRequest { variables: Variables::Show, ..request(family, serde_json::Value::Null) };
        let terraform = write(&request, TrustFormat::Terraform).expect("text");
        assert!(
            !terraform.contains("tfe") && terraform.contains("output \"variables\""),
            "{family}\n{terraform}"
        );
        let script = write(&request, TrustFormat::Cli).expect("text");
        assert!(
            !script.contains("CARNET_TOKEN") && script.contains("\nprintf '%s=%s\\n' TFC_"),
            "{family}\n{script}"
        );
    }
}
