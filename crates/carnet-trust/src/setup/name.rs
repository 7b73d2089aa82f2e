//! Names of what is made at the relying party: readable where they fit, and never the same for two trusts.

use carnet_model::Phase;

use super::request::{Scope, TrustRequest};

/// What a relying party allows in a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameRule {
    /// The most characters.
    pub(super) longest: usize,
    /// Letters are small, and there are no underscores.
    pub(super) is_lower: bool,
}

/// The name for a phase, or for both.
pub(super) fn object_name(request: &TrustRequest, phase: Option<Phase>, rule: NameRule) -> String {
    let TrustRequest { organization, project, workspace, tag, .. } = request;
    let workspace = workspace.as_ref().map(carnet_model::WorkspaceName::as_str).unwrap_or_default();
    let place = match request.scope {
        Scope::Workspace => format!("{organization}-{workspace}"),
        Scope::Project => format!("{organization}-project-{project}"),
        Scope::Organization => format!("{organization}-organization"),
    };
    let tagged = tag.as_ref().map(|tag| format!("-{tag}")).unwrap_or_default();
    let whole = format!("carnet-{place}{tagged}");
    let clean = cleaned(&whole, rule);
    let end = phase.map(|phase| format!("-{phase}")).unwrap_or_default();
    // An organization of another name, a wider scope or a tag could make the same text: the first dash ends the organization.
    // Some relying parties keep names that differ in letter case apart, and some do not.
    let is_told_apart =
        request.scope == Scope::Workspace && tag.is_none() && !organization.as_str().contains('-');
    let is_plain = is_told_apart && clean == whole && whole == whole.to_lowercase();
    if is_plain && clean.len() + end.len() <= rule.longest {
        return clean + &end;
    }
    let (project, workspace) = match request.scope {
        Scope::Workspace => ("", workspace),
        Scope::Project => (project.as_str(), ""),
        Scope::Organization => ("", ""),
    };
    let tag = tag.as_deref().unwrap_or_default();
    let hash = hash(&format!("{:?}\n{organization}\n{project}\n{workspace}\n{tag}", request.scope));
    let room = rule.longest.saturating_sub(end.len() + hash.len() + 1);
    let short: String = clean.chars().take(room).collect();
    format!("{}-{hash}{end}", short.trim_end_matches('-'))
}

fn cleaned(text: &str, rule: NameRule) -> String {
    let clean = |one: char| match one {
        ' ' => '-',
        '_' if rule.is_lower => '-',
        _ if rule.is_lower => one.to_ascii_lowercase(),
        _ => one,
    };
    text.chars().map(clean).collect()
}

/// Eight characters of FNV-1a (RFC 9923): it tells names apart, and protects nothing.
fn hash(text: &str) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}
