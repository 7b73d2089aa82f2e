//! The workspace's Terraform variables as a file that Terraform loads by itself.

use std::path::Path;

use carnet_api::job::JobVariable;
use secrecy::ExposeSecret;

/// Stems of our files, each later in order than the one before. Terraform lets the last file win, so the first stem is
/// taken that comes after every file of the user.
const STEMS: [&str; 3] = ["zzzz_carnet", "~carnet", "\u{10fffd}carnet"];

/// A file of variables, and what people should know.
pub(crate) struct VariablesFile {
    pub(crate) content: String,
    pub(crate) notices: Vec<String>,
}

/// Writes the variables of category `terraform` as HCL.
pub(crate) fn variables_file(variables: &[JobVariable]) -> VariablesFile {
    let mut file = VariablesFile { content: String::new(), notices: Vec::new() };
    for variable in variables.iter().filter(|variable| variable.category == "terraform") {
        if !is_identifier(&variable.key) {
            file.notices.push(format!(
                "the variable {:?} is left out: Terraform cannot have a variable of that name",
                variable.key
            ));
            continue;
        }
        let value = variable.value.0.expose_secret();
        let value = if variable.hcl { value.to_owned() } else { quoted(value) };
        file.content.push_str(&format!("{} = {value}\n", variable.key));
    }
    file
}

/// A text as an HCL string.
fn quoted(text: &str) -> String {
    let mut hcl = String::with_capacity(text.len() + 2);
    hcl.push('"');
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '"' => hcl.push_str("\\\""),
            '\\' => hcl.push_str("\\\\"),
            '\n' => hcl.push_str("\\n"),
            '\r' => hcl.push_str("\\r"),
            '\t' => hcl.push_str("\\t"),
            '$' | '%' if rest.peek() == Some(&'{') => hcl.extend([character, character]),
            _ if character.is_control() => hcl.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => hcl.push(character),
        }
    }
    hcl.push('"');
    hcl
}

fn is_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || character == '_' || character == '-')
}

/// A name for a file of ours that Terraform reads after every file in `folder` with one of these endings.
pub(crate) fn last_name(folder: &Path, endings: &[&str], our_ending: &str) -> std::io::Result<String> {
    let mut last = String::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name > last && endings.iter().any(|ending| name.ends_with(ending)) {
            last = name;
        }
    }
    let names = STEMS.map(|stem| format!("{stem}{our_ending}"));
    let [first, ..] = &names;
    Ok(names.iter().find(|name| **name > last).unwrap_or(first).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(key: &str, value: &str, hcl: bool) -> JobVariable {
        JobVariable {
            key: key.to_owned(),
            value: carnet_api::job::WireSecret(value.to_owned().into()),
            category: "terraform".to_owned(),
            hcl,
            sensitive: false,
            origin: "workspace \"net\"".to_owned(),
        }
    }

    /// The right side was read back by Terraform 1.11 as the left side.
    #[test]
    fn strings_are_encoded_as_terraform_reads_them() {
        for (text, hcl) in [
            ("plain", r#""plain""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("l1\nl2\tx\r", r#""l1\nl2\tx\r""#),
            ("${a} %{b}", r#""$${a} %%{b}""#),
            ("$${x} $$${x} %%{y} $ % {}", r#""$$${x} $$$${x} %%%{y} $ % {}""#),
            ("\u{1}\u{1b}", r#""\u0001\u001b""#),
            ("é ☃", r#""é ☃""#),
        ] {
            assert_eq!(quoted(text), hcl);
        }
    }

    #[test]
    fn hcl_stays_as_it_is_and_odd_names_are_left_out() {
        let file = variables_file(&[
            variable("list", "[1, 2]", true),
            variable("1st", "x", false),
            variable("with-dash", "x", false),
        ]);
        assert_eq!(file.content, "list = [1, 2]\nwith-dash = \"x\"\n");
        assert_eq!(file.notices.len(), 1);
    }

    #[test]
    fn our_file_comes_last() {
        let folder = tempfile::tempdir().unwrap();
        let name =
            || last_name(folder.path(), &[".auto.tfvars", ".auto.tfvars.json"], ".auto.tfvars").unwrap();
        std::fs::write(folder.path().join("zzzzzzz.tf"), "").unwrap();
        assert_eq!(name(), "zzzz_carnet.auto.tfvars");
        std::fs::write(folder.path().join("zzzzz.auto.tfvars.json"), "").unwrap();
        assert_eq!(name(), "~carnet.auto.tfvars");
    }
}
