//! Nothing that somebody chose is more than a text, in any format.

use proptest::prelude::*;
use serde_json::json;

use super::super::block::Block;
use super::super::text::Text;
use super::super::{TrustFormat, hcl, shell, write};
use super::request;

/// Reads a text of Terraform's language as its specification says, up to the quote that ends it; yields what stands behind, too.
fn read(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut rest = text.strip_prefix('"')?;
    loop {
        let one = rest.chars().next()?;
        let doubled = ["$${", "%%{"].into_iter().find(|mark| rest.starts_with(mark));
        if let Some(mark) = doubled {
            out.push_str(&mark[1..]);
            rest = &rest[mark.len()..];
        } else if rest.starts_with("${") || rest.starts_with("%{") {
            return None;
        } else if one == '"' {
            return Some((out, &rest[1..]));
        } else if one == '\n' {
            return None;
        } else if one == '\\' {
            let code = rest.chars().nth(1)?;
            let (length, read) = match code {
                'n' => (2, '\n'),
                'r' => (2, '\r'),
                't' => (2, '\t'),
                '"' | '\\' => (2, code),
                'u' => (6, char::from_u32(u32::from_str_radix(rest.get(2..6)?, 16).ok()?)?),
                _ => return None,
            };
            out.push(read);
            rest = &rest[length..];
        } else {
            out.push(one);
            rest = &rest[one.len_utf8()..];
        }
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "\"", "'", "\\", "${", "%{", "$", "%", "{", "}", "`id`", "$(id)", "\n", "EOF", " ", ";", "#", "//",
        "a", "Ä", "!", "&",
    ]);
    prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn terraform_reads_a_text_as_it_was(text in hostile(), more in hostile()) {
        let value = Text::from(text.as_str()).and(more.as_str());
        let block = hcl::blocks(&[Block::new("x").set("a", value)]);
        let written = block.strip_prefix("x {\n  a = ").expect("an attribute");
        let (found, rest) = read(written).expect("one text");
        prop_assert_eq!(found, text + &more);
        prop_assert_eq!(rest, "\n}\n");
    }

    #[test]
    fn a_reference_behind_a_text_stays_one(text in hostile()) {
        let value = Text::from(text.as_str()).and(Text::input("name"));
        let block = hcl::blocks(&[Block::new("x").set("a", value)]);
        let before = block.strip_suffix("${var.name}\"\n}\n").expect("a reference");
        let written = format!("{}\"", before.strip_prefix("x {\n  a = ").expect("an attribute"));
        prop_assert_eq!(read(&written).expect("one text").0, text);
    }

    #[test]
    fn hostile_options_change_no_structure(text in hostile(), role in hostile()) {
        prop_assume!(!text.is_empty() && !role.is_empty());
        let plain = |text: &str, role: &str| request("azure", json!({
            "application-name": text, "role-plan": role, "role-apply": role, "tenant-id": text, "subscription-id": text,
        }));
        let (one, other) = (plain(&text.replace('\n', " "), &role), plain("x", "y"));
        let shape = |request| {
            let json: serde_json::Value = serde_json::from_str(&write(request, TrustFormat::Json).expect("text")).expect("JSON");
            (json["variables"].as_array().map(Vec::len), json["documents"].as_array().map(Vec::len))
        };
        prop_assert_eq!(shape(&one), shape(&other));
        let lines = |request| write(request, TrustFormat::Terraform).expect("text").lines().count();
        prop_assert!(lines(&one) <= lines(&other) + 8, "comments may be longer, nothing else");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_shell_reads_a_word_as_it_was(text in hostile(), more in hostile()) {
        let word = shell::quoted(&Text::from(text.as_str()).and(Text::input("name")).and(more.as_str()));
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("printf %s {word}")])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("NAME", "$(id) \"*")
            .output()
            .expect("a shell");
        prop_assert_eq!(String::from_utf8(output.stdout).expect("text"), format!("{text}$(id) \"*{more}"));
    }

    #[test]
    fn a_shell_reads_a_document_as_it_was(text in hostile()) {
        let gcp = request("gcp", json!({"project-id": text.replace('\n', " ") + "x", "role-plan": text}));
        let script = write(&gcp, TrustFormat::Cli).expect("text");
        let check = std::process::Command::new("sh").args(["-n", "-c", &script]).output().expect("a shell");
        prop_assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
        let text = format!("arn:{text}");
        let aws = request("aws", json!({"policy-arns-plan": [text]}));
        let log = std::env::temp_dir().join(format!("carnet-words-{}", std::process::id()));
        let programs = format!(
            "aws() {{ printf '%s\\n' \"$*\" >> '{}'; echo 1; }}\ncurl() {{ cat >/dev/null; printf '{{\"data\":[]}}\\n200'; }}\n",
            log.display()
        );
        let script = programs + &write(&aws, TrustFormat::Cli).expect("text");
        let run = std::process::Command::new("sh")
            .args(["-c", &script])
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("CARNET_TOKEN", "x")])
            .output()
            .expect("a shell");
        let calls = std::fs::read_to_string(&log).unwrap_or_default();
        let _gone = std::fs::remove_file(&log);
        prop_assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        prop_assert!(calls.contains(&format!("--policy-arn={text}\n")), "{calls}");
        // The document holds the account that a command found out.
        prop_assert!(calls.contains("arn:aws:iam::1:oidc-provider/carnet.example.org"), "{calls}");
    }
}
