//! What can be learned from `terraform show -json` of a plan, and its form without sensitive values.
//!
//! Plans can be large: what is passed on unchanged is never parsed, only copied.

mod mask;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde::Deserialize;
use serde_json::{
    Error, Value,
    value::{RawValue, to_raw_value},
};

use mask::{Masks, either, has_mark};

/// Whether a plan changes anything, and how much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PlanSummary {
    pub(crate) has_changes: bool,
    pub(crate) additions: u32,
    pub(crate) changes: u32,
    pub(crate) destructions: u32,
    pub(crate) imports: u32,
    pub(crate) generated_configuration: bool,
}

/// The kinds of resources in a plan, by provider.
pub(crate) type ResourceKinds = BTreeMap<String, BTreeSet<Kind>>;

/// A kind of resource: whether it is a data source, and its type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) is_data: bool,
    pub(crate) name: String,
}

type Object<'a> = BTreeMap<String, &'a RawValue>;
type NewObject<'a> = BTreeMap<&'a str, Cow<'a, RawValue>>;

/// A plan as Terraform describes it.
pub(crate) struct PlanJson<'a> {
    plan: Object<'a>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(default)]
    mode: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    provider_name: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    previous_address: Option<String>,
    change: ResourceActions,
}

#[derive(Deserialize)]
struct ResourceActions {
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default)]
    importing: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    generated_config: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Deferred {
    resource_change: Resource,
}

#[derive(Deserialize)]
struct OutputActions {
    #[serde(default)]
    actions: Vec<String>,
}

impl<'a> PlanJson<'a> {
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, Error> {
        Ok(Self { plan: serde_json::from_slice(text)? })
    }

    /// Counts as Terraform's own summary does; a refresh-only plan has changes when it found drift.
    pub(crate) fn summary(&self, is_refresh_only: bool) -> Result<PlanSummary, Error> {
        let mut summary = PlanSummary::default();
        for resource in self.list::<Resource>("resource_changes")? {
            count(&mut summary, &resource);
        }
        let outputs: BTreeMap<String, OutputActions> = self.get("output_changes")?.unwrap_or_default();
        summary.has_changes |= outputs.values().any(|output| output.actions != ["no-op"]);
        if is_refresh_only {
            let drift = self.list::<Resource>("resource_drift")?;
            summary.has_changes |= drift.iter().any(|resource| resource.change.actions != ["no-op"]);
        }
        Ok(summary)
    }

    /// What schemas a reader of this plan needs.
    pub(crate) fn kinds(&self) -> Result<ResourceKinds, Error> {
        let mut resources = self.list::<Resource>("resource_changes")?;
        resources.extend(self.list::<Resource>("resource_drift")?);
        resources.extend(
            self.list::<Deferred>("deferred_changes")?.into_iter().map(|deferred| deferred.resource_change),
        );
        let mut kinds = ResourceKinds::new();
        for resource in resources {
            let kind = Kind { is_data: resource.mode == "data", name: resource.kind };
            kinds.entry(resource.provider_name).or_default().insert(kind);
        }
        Ok(kinds)
    }

    /// The document that clients draw: changes without sensitive values, and schemas.
    pub(crate) fn redacted(&self, schemas: &RawValue) -> Result<Vec<u8>, Error> {
        let mut document = NewObject::new();
        if let Some(version) = self.plan.get("format_version") {
            document.insert("plan_format_version", Cow::Borrowed(version));
        }
        for name in ["resource_changes", "resource_drift"] {
            let changes = self.list::<&RawValue>(name)?;
            let masked: Vec<_> = changes.into_iter().map(masked_resource).collect::<Result<_, _>>()?;
            document.insert(name, Cow::Owned(to_raw_value(&masked)?));
        }
        let outputs: Object<'_> = self.get("output_changes")?.unwrap_or_default();
        let masked: BTreeMap<&String, _> = outputs
            .iter()
            .map(|(name, change)| masked_change(change).map(|masked| (name, masked)))
            .collect::<Result<_, _>>()?;
        document.insert("output_changes", Cow::Owned(to_raw_value(&masked)?));
        let deferred = self.list::<&RawValue>("deferred_changes")?;
        let masked: Vec<_> = deferred
            .into_iter()
            .map(|raw| with_masked(raw, "resource_change", masked_resource))
            .collect::<Result<_, _>>()?;
        document.insert("deferred_changes", Cow::Owned(to_raw_value(&masked)?));
        if let Some(attributes) = self.plan.get("relevant_attributes") {
            document.insert("relevant_attributes", Cow::Borrowed(attributes));
        }
        let schemas: Object<'_> = serde_json::from_str(schemas.get())?;
        if let Some(providers) = schemas.get("provider_schemas") {
            document.insert("provider_schemas", Cow::Borrowed(providers));
        }
        document.insert("provider_format_version", Cow::Owned(to_raw_value("1.0")?));
        if let Some(version) = schemas.get("format_version") {
            document.insert("provider_format_version", Cow::Borrowed(version));
        }
        serde_json::to_vec(&document)
    }

    fn get<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, Error> {
        match self.plan.get(name) {
            Some(raw) => serde_json::from_str(raw.get()),
            None => Ok(None),
        }
    }

    fn list<T: Deserialize<'a>>(&self, name: &str) -> Result<Vec<T>, Error> {
        Ok(self.get(name)?.unwrap_or_default())
    }
}

fn count(summary: &mut PlanSummary, resource: &Resource) {
    if resource.mode == "data" {
        return;
    }
    let change = &resource.change;
    let is_moved = resource.previous_address.as_ref().is_some_and(|before| *before != resource.address);
    for action in &change.actions {
        match action.as_str() {
            "create" => summary.additions += 1,
            "update" => summary.changes += 1,
            "delete" => summary.destructions += 1,
            _ => {}
        }
        summary.has_changes |= !matches!(action.as_str(), "no-op" | "read");
    }
    if change.importing.is_some() {
        summary.imports += 1;
    }
    summary.has_changes |= is_moved || change.importing.is_some();
    summary.generated_configuration |= change.generated_config.is_some();
}

fn masked_resource(raw: &RawValue) -> Result<Cow<'_, RawValue>, Error> {
    with_masked(raw, "change", masked_change)
}

/// The object with one member masked.
fn with_masked<'a>(
    raw: &'a RawValue,
    member: &str,
    mask: impl Fn(&'a RawValue) -> Result<Cow<'a, RawValue>, Error>,
) -> Result<Cow<'a, RawValue>, Error> {
    let object: Object<'a> = serde_json::from_str(raw.get())?;
    let Some(inner) = object.get(member) else {
        return Ok(Cow::Borrowed(raw));
    };
    let Cow::Owned(masked) = mask(inner)? else {
        return Ok(Cow::Borrowed(raw));
    };
    let mut rebuilt: NewObject<'_> =
        object.iter().map(|(name, value)| (name.as_str(), Cow::Borrowed(*value))).collect();
    rebuilt.insert(member, Cow::Owned(masked));
    to_raw_value(&rebuilt).map(Cow::Owned)
}

/// A change without the values that its marks call sensitive.
fn masked_change(raw: &RawValue) -> Result<Cow<'_, RawValue>, Error> {
    let object: Object<'_> = serde_json::from_str(raw.get())?;
    let value = |name: &str| -> Result<Value, Error> {
        object.get(name).map_or(Ok(Value::Null), |raw| serde_json::from_str(raw.get()))
    };
    // What is sensitive on one side is masked on both: an attribute often just became sensitive.
    let marks = either(value("before_sensitive")?, value("after_sensitive")?);
    if !has_mark(&marks) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut rebuilt: NewObject<'_> =
        object.iter().map(|(name, value)| (name.as_str(), Cow::Borrowed(*value))).collect();
    let mut masks = Masks::default();
    for name in ["before", "after"] {
        if object.contains_key(name) {
            let mut side = value(name)?;
            masks.apply(&mut side, &marks);
            rebuilt.insert(name, Cow::Owned(to_raw_value(&side)?));
        }
    }
    to_raw_value(&rebuilt).map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn summary(plan: Value, is_refresh_only: bool) -> PlanSummary {
        let text = plan.to_string();
        PlanJson::parse(text.as_bytes()).unwrap().summary(is_refresh_only).unwrap()
    }

    fn redacted(plan: &Value) -> Value {
        let text = plan.to_string();
        let schemas = to_raw_value(&json!({"format_version": "1.0", "provider_schemas": {}})).unwrap();
        let document = PlanJson::parse(text.as_bytes()).unwrap().redacted(&schemas).unwrap();
        serde_json::from_slice(&document).unwrap()
    }

    fn resource(actions: &[&str]) -> Value {
        json!({"address": "a.b", "mode": "managed", "type": "a", "provider_name": "p", "change": {"actions": actions}})
    }

    #[test]
    fn changes_are_counted_as_terraform_counts_them() {
        let plan = json!({"resource_changes": [
            resource(&["create"]), resource(&["update"]), resource(&["delete", "create"]), resource(&["no-op"]),
        ]});
        let expected = PlanSummary {
            has_changes: true,
            additions: 2,
            changes: 1,
            destructions: 1,
            ..PlanSummary::default()
        };
        assert_eq!(summary(plan, false), expected);
    }

    #[test]
    fn only_real_changes_make_has_changes() {
        let nothing = json!({"resource_changes": [resource(&["no-op"])], "output_changes": {"o": {"actions": ["no-op"]}}});
        assert!(!summary(nothing, false).has_changes);
        let mut read = resource(&["read"]);
        read["mode"] = "data".into();
        assert!(!summary(json!({"resource_changes": [read]}), false).has_changes);
        assert!(summary(json!({"output_changes": {"o": {"actions": ["create"]}}}), false).has_changes);
        let drift = json!({"resource_drift": [resource(&["update"])]});
        assert!(!summary(drift.clone(), false).has_changes);
        assert!(summary(drift, true).has_changes);
        let mut moved = resource(&["no-op"]);
        moved["previous_address"] = "a.c".into();
        assert!(summary(json!({"resource_changes": [moved]}), false).has_changes);
        let mut imported = resource(&["no-op"]);
        imported["change"]["importing"] = json!({"id": "x"});
        let summary = summary(json!({"resource_changes": [imported]}), false);
        assert!(summary.has_changes && summary.imports == 1);
    }

    #[test]
    fn sensitive_values_are_gone_and_the_rest_stays() {
        let plan = json!({"format_version": "1.2", "variables": {"s": {"value": "hunter22"}}, "resource_changes": [{
            "address": "a.b", "mode": "managed", "type": "a", "provider_name": "p",
            "change": {
                "actions": ["update"],
                "before": {"open": "x", "key": "hunter22", "list": ["hunter22", "b"], "same": 7, "flag": true, "none": null},
                "after": {"open": "y", "key": "hunter33", "list": ["hunter22", "c"], "same": 7, "flag": false, "none": null},
                "before_sensitive": {"key": true, "list": true, "same": true, "flag": true},
                "after_sensitive": {"key": true, "none": true},
            },
        }]});
        let document = redacted(&plan);
        let text = document.to_string();
        assert!(!text.contains("hunter") && !text.contains("variables"), "{text}");
        let change = &document["resource_changes"][0]["change"];
        let (before, after) = (&change["before"], &change["after"]);
        assert_eq!((&before["open"], &after["open"]), (&json!("x"), &json!("y")));
        assert!(before["key"].is_string() && before["key"] != after["key"]);
        assert_eq!(before["list"][0], after["list"][0]);
        assert_ne!(before["list"][1], after["list"][1]);
        assert!(before["same"].is_number() && before["same"] == after["same"]);
        assert!(before["flag"].is_boolean() && before["flag"] != after["flag"]);
        assert!(after["none"].is_null());
        assert_eq!(document["plan_format_version"], "1.2");
        assert_eq!(document["provider_format_version"], "1.0");
    }

    #[test]
    fn sensitive_outputs_are_masked_whole() {
        let plan = json!({"output_changes": {"o": {
            "actions": ["create"], "before": null, "after": {"a": "hunter22"}, "before_sensitive": false, "after_sensitive": true,
        }}});
        let document = redacted(&plan);
        assert!(!document.to_string().contains("hunter"));
        assert!(document["output_changes"]["o"]["after"]["a"].is_string());
    }

    #[test]
    fn numbers_outside_of_masks_keep_their_digits() {
        let text = r#"{"resource_changes":[{"mode":"managed","change":{"actions":["create"],"after":{"n":12345678901234567890123}}}]}"#;
        let schemas = to_raw_value(&json!({})).unwrap();
        let document = PlanJson::parse(text.as_bytes()).unwrap().redacted(&schemas).unwrap();
        assert!(String::from_utf8(document).unwrap().contains("12345678901234567890123"));
    }
}
