//! What providers say when they refuse a token, family by family.

use super::{Advice, Presented, Refusal, aws, azure, gcp, hcp, kubernetes, tencentcloud, vault_backed};
use crate::family::FamilyName;

/// How much of what a provider says is shown, in characters.
const SHOWN: usize = 400;
/// More blocks than this would bury the message they explain.
const MOST_BLOCKS: usize = 4;

/// What one family's provider says.
pub(super) struct Party {
    /// What people call the other side.
    pub(super) name: &'static str,
    /// What was tried, in words.
    pub(super) tried: fn(&Presented) -> String,
    /// What the other side's own words start with, where that is not the first needle; the first one found counts.
    pub(super) starts: &'static [&'static str],
    /// What stands right behind them.
    pub(super) ends: &'static [&'static str],
    /// The first row that fits counts.
    pub(super) signatures: &'static [Signature],
}

/// A refusal that is known by its words.
pub(super) struct Signature {
    /// All of them stand in the message, the first one in the other side's own words; in lower case.
    needles: &'static [&'static str],
    advice: fn(&Refused<'_>) -> Advice,
}

/// A refusal: what was presented, and what was said about it.
pub(super) struct Refused<'a> {
    pub(super) presented: &'a Presented,
    pub(super) text: &'a str,
}

impl Signature {
    pub(super) const fn new(needles: &'static [&'static str], advice: fn(&Refused<'_>) -> Advice) -> Self {
        Self { needles, advice }
    }
}

impl Refused<'_> {
    /// What stands between two texts of a paragraph, ignoring case; a closing text that is absent is its end.
    pub(super) fn between(&self, before: &str, behind: &str) -> Option<&str> {
        let start = find_ignoring_case(self.text, before)? + before.len();
        let rest = self.text[start..].lines().next().unwrap_or_default();
        let end = find_ignoring_case(rest, behind).unwrap_or(rest.len());
        Some(shortened(&rest[..end]).trim()).filter(|found| !found.is_empty())
    }
}

/// The family's side of the table, if its tokens are traded by Terraform's own provider.
fn party(family: FamilyName) -> Option<&'static Party> {
    match family {
        FamilyName::Aws => Some(&aws::PARTY),
        FamilyName::Azure => Some(&azure::PARTY),
        FamilyName::Gcp => Some(&gcp::PARTY),
        FamilyName::Kubernetes => Some(&kubernetes::PARTY),
        FamilyName::Hcp => Some(&hcp::PARTY),
        FamilyName::TencentCloud => Some(&tencentcloud::PARTY),
        FamilyName::VaultBackedAws => Some(&vault_backed::AWS),
        FamilyName::VaultBackedAzure => Some(&vault_backed::AZURE),
        FamilyName::Plain | FamilyName::Vault | FamilyName::VaultBackedGcp | FamilyName::Adapter(_) => None,
    }
}

/// Finds refused exchanges in the messages of Terraform, and explains each of them once.
pub(crate) fn find(messages: &[String], presented: &[Presented]) -> Vec<Refusal> {
    let mut known: Vec<(FamilyName, &'static [&'static str])> = Vec::new();
    let mut refusals = Vec::new();
    for text in messages {
        for family in families(presented) {
            let Some(party) = party(family) else { continue };
            let Some(signature) = signature(party, text) else { continue };
            if known.contains(&(family, signature.needles)) {
                continue;
            }
            known.push((family, signature.needles));
            let candidates = candidates(family, presented, text);
            refusals.extend(candidates.iter().map(|one| block(party, signature, one, text, &candidates)));
        }
    }
    refusals.truncate(MOST_BLOCKS);
    refusals
}

/// Explains what a provider has said about one token; nothing when that is no refusal.
pub(crate) fn explain(text: &str, presented: &Presented) -> Option<Refusal> {
    let party = party(presented.family)?;
    let signature = signature(party, text)?;
    Some(block(party, signature, presented, text, &[presented]))
}

fn families(presented: &[Presented]) -> Vec<FamilyName> {
    let mut families: Vec<FamilyName> = presented.iter().map(|one| one.family).collect();
    families.sort();
    families.dedup();
    families
}

fn signature(party: &'static Party, text: &str) -> Option<&'static Signature> {
    let lower = text.to_ascii_lowercase();
    party.signatures.iter().find(|signature| signature.needles.iter().all(|needle| lower.contains(needle)))
}

/// The configurations that a message is about: those that it names, else all of the family.
fn candidates<'a>(family: FamilyName, presented: &'a [Presented], text: &str) -> Vec<&'a Presented> {
    let all: Vec<&Presented> = presented.iter().filter(|one| one.family == family).collect();
    let is_named = |fact: Option<&str>| fact.is_some_and(|fact| text.contains(fact));
    // The subject is the same for all, so it tells nothing.
    for fact in [|one: &Presented| one.role.clone(), |one: &Presented| one.claims.aud.clone()] {
        let named: Vec<&Presented> =
            all.iter().copied().filter(|one| is_named(fact(one).as_deref())).collect();
        if !named.is_empty() && named.len() < all.len() {
            return named;
        }
    }
    all
}

fn block(
    party: &Party,
    signature: &Signature,
    presented: &Presented,
    text: &str,
    candidates: &[&Presented],
) -> Refusal {
    let title = presented.title();
    let others: Vec<String> =
        candidates.iter().filter(|one| one.tag != presented.tag).map(|one| one.title()).collect();
    let tried = (party.tried)(presented);
    let tried = match others.is_empty() {
        true => tried,
        false => format!("{tried}; the message does not say whether this or {}", others.join(", ")),
    };
    let who = if title.starts_with(party.name) { title } else { format!("{title}: {}", party.name) };
    let block = Refusal::of(format!("{who} refused the identity of the run")).tried(&tried);
    // What is read from Vault has no identity token of its own.
    let block = if presented.claims.is_empty() { block } else { block.presented(&presented.claims) };
    let advice = (signature.advice)(&Refused { presented, text });
    block.said(party.name, &[own_words(party, signature, text)]).advised(&advice)
}

/// The other side's own sentence, out of everything that is around it.
fn own_words(party: &Party, signature: &Signature, text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let anchor = signature.needles.first().and_then(|needle| lower.find(needle)).unwrap_or_default();
    let paragraph = lower[..anchor].rfind('\n').map_or(0, |end| end + 1);
    let start = party.starts.iter().find_map(|start| lower[paragraph..anchor].rfind(start));
    let start = start.map_or(anchor, |start| paragraph + start);
    let ends = party.ends.iter().chain(&["\n"]).filter_map(|end| lower[anchor..].find(end));
    let end = ends.min().map_or(text.len(), |end| anchor + end);
    let words = text[start..end].trim().trim_end_matches(['\\', '"', ',', '}']).replace("\\\"", "\"");
    let shown = shortened(&words);
    if shown.len() < words.len() { format!("{shown}...") } else { words }
}

fn shortened(text: &str) -> &str {
    text.char_indices().nth(SHOWN).map_or(text, |(end, _)| &text[..end])
}

// Only ASCII letters change, so that positions are the same in both texts.
fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    text.to_ascii_lowercase().find(&wanted.to_ascii_lowercase())
}
