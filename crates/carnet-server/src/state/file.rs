//! What the server reads in the file that Terraform calls its state.

use std::collections::BTreeMap;

use carnet_model::StateResource;
use md5::{Digest, Md5};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Why bytes are not a state.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateFileError {
    /// Terraform writes nothing but JSON objects.
    #[error("the state is not a JSON object: {0}")]
    NotJson(String),
    /// It is JSON, but not what Terraform or OpenTofu writes.
    #[error(
        "this is not a Terraform state of version 4: {0}; push what `terraform state pull` gave, or the state that an \
         apply left behind"
    )]
    Foreign(&'static str),
    /// The outputs are not a map of outputs.
    #[error("these are not outputs: {0}")]
    NotOutputs(String),
}

/// A state that was read once. What an encrypted state or one of an old format hides is missing.
#[derive(Debug)]
pub(crate) struct StateFile {
    pub(crate) serial: Option<i64>,
    pub(crate) lineage: String,
    pub(crate) terraform_version: Option<String>,
    pub(crate) md5: String,
    pub(crate) size: u64,
    pub(crate) resource_count: u32,
    pub(crate) resources: Vec<StateResource>,
    pub(crate) outputs: Vec<FileOutput>,
    /// What keeps it from being what Terraform or OpenTofu writes.
    flaw: Option<&'static str>,
}

/// An output as it stands in a state.
#[derive(Debug)]
pub(crate) struct FileOutput {
    pub(crate) name: String,
    pub(crate) sensitive: bool,
    pub(crate) value_type: &'static str,
    pub(crate) detailed_type: String,
    pub(crate) value: SecretString,
}

#[derive(Deserialize)]
struct Top<'a> {
    #[serde(default, borrow)]
    version: Option<&'a RawValue>,
    #[serde(default, borrow)]
    encrypted_data: Option<&'a RawValue>,
    #[serde(default, borrow)]
    serial: Option<&'a RawValue>,
    #[serde(default, borrow)]
    lineage: Option<&'a RawValue>,
    #[serde(default, borrow)]
    terraform_version: Option<&'a RawValue>,
    #[serde(default, borrow)]
    outputs: Option<&'a RawValue>,
    #[serde(default, borrow)]
    resources: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawResource {
    #[serde(default)]
    module: Option<String>,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default)]
    provider: String,
    #[serde(default)]
    instances: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct RawOutput<'a> {
    #[serde(default)]
    sensitive: bool,
    #[serde(borrow)]
    value: &'a RawValue,
    #[serde(default, rename = "type", borrow)]
    kind: Option<&'a RawValue>,
}

impl Top<'_> {
    fn flaw(&self) -> Option<&'static str> {
        let holds = |raw: Option<&RawValue>, first: u8| {
            raw.is_none_or(|raw| raw.get() == "null" || raw.get().as_bytes().first() == Some(&first))
        };
        // OpenTofu encrypts the whole state and writes a serial and the lineage beside it.
        let is_encrypted = part::<String>(self.encrypted_data).is_some_and(|data| !data.is_empty());
        if !is_encrypted && part::<u64>(self.version) != Some(4) {
            return Some("\"version\" is not 4");
        }
        if part::<String>(self.lineage).is_none_or(|lineage| lineage.is_empty()) {
            return Some("it has no \"lineage\"");
        }
        if part::<u64>(self.serial).is_none_or(|serial| i64::try_from(serial).is_err()) {
            return Some("it has no \"serial\"");
        }
        if !holds(self.outputs, b'{') {
            return Some("\"outputs\" is not an object");
        }
        if !holds(self.resources, b'[') {
            return Some("\"resources\" is not a list");
        }
        None
    }
}

fn part<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
}

impl StateFile {
    /// Reads a state that a client sends: what Terraform and OpenTofu could not go on from must not replace what they could.
    pub(crate) fn read_strictly(bytes: &[u8]) -> Result<Self, StateFileError> {
        let file = Self::read(bytes)?;
        match file.flaw {
            Some(flaw) => Err(StateFileError::Foreign(flaw)),
            None => Ok(file),
        }
    }

    /// Reads a state. Only what is no JSON object at all is refused: a state must not be lost because it is unusual.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StateFileError> {
        let top: Top<'_> =
            serde_json::from_slice(bytes).map_err(|error| StateFileError::NotJson(error.to_string()))?;
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(StateFileError::NotJson("it begins with something else".to_owned()));
        }
        let raw: Vec<RawResource> = part(top.resources).unwrap_or_default();
        let managed = raw.iter().filter(|resource| resource.mode == "managed");
        let resource_count = managed.map(|resource| count(&resource.instances)).fold(0, u32::saturating_add);
        Ok(Self {
            flaw: top.flaw(),
            serial: part(top.serial),
            lineage: part(top.lineage).unwrap_or_default(),
            terraform_version: part(top.terraform_version),
            md5: md5_hex(bytes),
            size: bytes.len() as u64,
            resource_count,
            resources: raw.into_iter().map(resource).collect(),
            outputs: top.outputs.and_then(|raw| outputs(raw.get().as_bytes()).ok()).unwrap_or_default(),
        })
    }
}

/// The MD5 of bytes, in hex: the checksum of the API.
pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a map of outputs, as it stands in a state or as a client sends it beside one.
pub(crate) fn outputs(json: &[u8]) -> Result<Vec<FileOutput>, StateFileError> {
    let raw: BTreeMap<String, RawOutput<'_>> =
        serde_json::from_slice(json).map_err(|error| StateFileError::NotOutputs(error.to_string()))?;
    Ok(raw.into_iter().map(|(name, raw)| output(name, &raw)).collect())
}

/// The state with another serial. Everything else stays as it is, numbers of any length included.
pub(crate) fn with_serial(bytes: &[u8], serial: i64) -> Result<Vec<u8>, StateFileError> {
    let not_json = |error: serde_json::Error| StateFileError::NotJson(error.to_string());
    let mut top: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(bytes).map_err(not_json)?;
    top.insert("serial".to_owned(), serde_json::value::to_raw_value(&serial).map_err(not_json)?);
    serde_json::to_vec(&top).map_err(not_json)
}

/// Tells whether two states differ at most in the version of Terraform that wrote them.
pub(crate) fn is_same_content(left: &[u8], right: &[u8]) -> bool {
    let content = |bytes: &[u8]| {
        let mut value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
        value.as_object_mut()?.remove("terraform_version");
        Some(value)
    };
    content(left).is_some_and(|left| Some(left) == content(right))
}

fn count(instances: &[IgnoredAny]) -> u32 {
    u32::try_from(instances.len()).unwrap_or(u32::MAX)
}

fn resource(raw: RawResource) -> StateResource {
    let count = count(&raw.instances);
    let kind = if raw.mode == "data" { format!("data.{}", raw.kind) } else { raw.kind };
    let module = raw.module.filter(|module| !module.is_empty()).unwrap_or_else(|| "root".to_owned());
    StateResource { name: raw.name, kind, count, module, provider: raw.provider }
}

fn output(name: String, raw: &RawOutput<'_>) -> FileOutput {
    let value = raw.value.get();
    let by_value = match value.as_bytes().first() {
        Some(b'"') => ("string", "\"string\""),
        Some(b't' | b'f') => ("bool", "\"bool\""),
        Some(b'-' | b'0'..=b'9') => ("number", "\"number\""),
        Some(b'[') => ("array", "null"),
        Some(b'{') => ("object", "null"),
        _ => ("string", "null"),
    };
    let constraint: Option<serde_json::Value> = part(raw.kind);
    let value_type =
        match constraint.as_ref().and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str())) {
            Some("string") => "string",
            Some("number") => "number",
            Some("bool") => "bool",
            Some("list" | "set" | "tuple") => "array",
            Some("map" | "object") => "object",
            Some(_) | None => by_value.0,
        };
    let detailed_type = raw.kind.map_or(by_value.1, RawValue::get).to_owned();
    FileOutput { name, sensitive: raw.sensitive, value_type, detailed_type, value: SecretString::from(value) }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const STATE: &str = r#"{"version":4,"terraform_version":"1.11.4","serial":5,"lineage":"l-1",
        "outputs":{"list":{"value":["a"],"type":["list","string"]},
            "token":{"value":"hush","type":"string","sensitive":true},
            "many":{"value":12345678901234567890123,"type":"number"},
            "none":{"value":null,"type":"dynamic"}},
        "resources":[
            {"mode":"managed","type":"null_resource","name":"a","provider":"provider[\"x/null\"]","instances":[{},{}]},
            {"module":"module.m","mode":"data","type":"http","name":"b","provider":"p","instances":[{}]}]}"#;

    #[test]
    fn a_state_tells_its_resources_and_outputs() {
        let file = StateFile::read(STATE.as_bytes()).expect("a state");
        assert_eq!((file.serial, file.lineage.as_str(), file.resource_count), (Some(5), "l-1", 2));
        assert_eq!(file.terraform_version.as_deref(), Some("1.11.4"));
        let resources: Vec<_> =
            file.resources.iter().map(|r| (r.kind.as_str(), r.module.as_str(), r.count)).collect();
        assert_eq!(resources, [("null_resource", "root", 2), ("data.http", "module.m", 1)]);
        let outputs: Vec<_> = file
            .outputs
            .iter()
            .map(|o| {
                (
                    o.name.as_str(),
                    o.value_type,
                    o.detailed_type.as_str(),
                    o.sensitive,
                    o.value.expose_secret(),
                )
            })
            .collect();
        assert_eq!(
            outputs,
            [
                ("list", "array", r#"["list","string"]"#, false, r#"["a"]"#),
                ("many", "number", r#""number""#, false, "12345678901234567890123"),
                ("none", "string", r#""dynamic""#, false, "null"),
                ("token", "string", r#""string""#, true, r#""hush""#),
            ]
        );
        assert!(!format!("{file:?}").contains("hush"));
    }

    #[test]
    fn the_checksum_is_that_of_rfc_1321() {
        assert_eq!(md5_hex(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn unusual_states_are_taken_and_others_refused() {
        let encrypted =
            StateFile::read(br#"{"serial":1,"lineage":"l","encrypted_data":"x"}"#).expect("a state");
        assert_eq!((encrypted.serial, encrypted.resources.len()), (Some(1), 0));
        assert_eq!(StateFile::read(br#"{"serial":"one","outputs":[]}"#).expect("a state").serial, None);
        for text in ["", "null", "[]", "[null,null,null,null,null]", "text", "{\"a\":", "{} trailing"] {
            assert!(StateFile::read(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn clients_send_what_terraform_and_opentofu_write() {
        for text in [
            STATE,
            r#"{"version":4,"terraform_version":"1.11.4","serial":0,"lineage":"l","outputs":{},"resources":[],"check_results":null}"#,
            r#"{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"l","outputs":{},"resources":null}"#,
            r#"{"serial":1,"lineage":"l","meta":{},"encrypted_data":"x","encryption_version":"v0"}"#,
        ] {
            let read = StateFile::read_strictly(text.as_bytes());
            assert!(read.is_ok(), "{text}: {read:?}");
        }
        for text in [
            "{}",
            "[]",
            r#"{"version":3,"serial":1,"lineage":"l"}"#,
            r#"{"version":"4","serial":1,"lineage":"l"}"#,
            r#"{"version":4,"serial":1}"#,
            r#"{"version":4,"serial":1,"lineage":""}"#,
            r#"{"version":4,"lineage":"l"}"#,
            r#"{"version":4,"serial":-1,"lineage":"l"}"#,
            r#"{"version":4,"serial":"1","lineage":"l"}"#,
            r#"{"version":4,"serial":1,"lineage":"l","resources":{}}"#,
            r#"{"version":4,"serial":1,"lineage":"l","outputs":[]}"#,
            r#"{"serial":1,"lineage":"l","encrypted_data":""}"#,
            r#"{"encrypted_data":"x"}"#,
        ] {
            let read = StateFile::read_strictly(text.as_bytes());
            assert!(read.is_err(), "{text}: {read:?}");
        }
    }

    #[test]
    fn outputs_without_a_type_take_that_of_their_value() {
        let json = br#"{"a":{"value":true},"b":{"value":-1},"c":{"value":{}},"d":{"value":"x"}}"#;
        let kinds: Vec<_> = outputs(json).expect("outputs").iter().map(|o| o.value_type).collect();
        assert_eq!(kinds, ["bool", "number", "object", "string"]);
        assert!(outputs(b"[]").is_err());
        assert!(outputs(br#"{"a":1}"#).is_err());
    }

    #[test]
    fn another_serial_changes_nothing_else() {
        let changed = with_serial(STATE.as_bytes(), 9).expect("a state");
        assert_eq!(StateFile::read(&changed).expect("a state").serial, Some(9));
        assert!(String::from_utf8(changed.clone()).expect("text").contains("12345678901234567890123"));
        assert!(!is_same_content(STATE.as_bytes(), &changed));
    }

    #[test]
    fn the_writing_version_is_no_content() {
        let newer = STATE.replace("1.11.4", "1.12.0");
        assert!(is_same_content(STATE.as_bytes(), newer.as_bytes()));
        assert!(!is_same_content(STATE.as_bytes(), STATE.replace("hush", "loud").as_bytes()));
        assert!(!is_same_content(b"x", b"x"));
    }
}
