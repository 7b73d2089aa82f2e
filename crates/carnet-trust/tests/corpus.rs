//! Broken set-ups whose true cause is known: it is named first, and the patch puts them right.

use std::{collections::BTreeMap, path::PathBuf};

use carnet_trust::check::{Cause, Claims, Family, Judgement, Question, Trust, judge};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    family: String,
    #[serde(default)]
    role: Option<String>,
    sound: String,
    #[serde(default)]
    beside: Option<String>,
    claims: Map<String, Value>,
    case: Vec<Case>,
}

/// One broken set-up: the sound one, with texts replaced.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    cause: Cause,
    #[serde(default)]
    replace: Vec<(String, String)>,
    #[serde(default)]
    replace_more: Vec<(String, String)>,
    #[serde(default)]
    beside_replace: Vec<(String, String)>,
    #[serde(default)]
    whole: Option<String>,
    #[serde(default)]
    claims: Map<String, Value>,
    #[serde(default)]
    now: Option<i64>,
    #[serde(default)]
    algorithm: Option<String>,
    /// Whether a change of the policy can be the way out.
    #[serde(default = "yes")]
    patch: bool,
}

fn yes() -> bool {
    true
}

fn replaced(text: &str, pairs: &[(String, String)], name: &str) -> Value {
    let text = pairs.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{name}: {from} is not in {text}");
        text.replace(from, to)
    });
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"))
}

impl Corpus {
    fn question(&self, case: &Case) -> Question {
        let pairs = [case.replace.clone(), case.replace_more.clone()].concat();
        let mut claims = self.claims.clone();
        claims.extend(case.claims.clone());
        let policy = replaced(case.whole.as_ref().unwrap_or(&self.sound), &pairs, &case.name);
        let beside = self.beside.as_ref().map(|beside| replaced(beside, &case.beside_replace, &case.name));
        Question {
            claims: Claims::new(claims).signed_with(case.algorithm.clone()),
            trust: Trust { policy, beside, role: self.role.clone() },
            now: case.now.or(Some(1_800_000_000)),
        }
    }

    fn family(&self) -> Family {
        self.family.parse().expect("a family")
    }

    fn sound(&self) -> Question {
        let case = Case {
            name: "the sound set-up".to_owned(),
            cause: Cause::OtherValue,
            replace: Vec::new(),
            replace_more: Vec::new(),
            beside_replace: Vec::new(),
            whole: None,
            claims: Map::new(),
            now: None,
            algorithm: None,
            patch: false,
        };
        self.question(&case)
    }
}

fn corpora() -> Vec<Corpus> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/trust");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the corpus is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let text = std::fs::read_to_string(&file).expect("a file");
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        })
        .collect()
}

fn is_put_right(family: Family, question: &Question, judgement: &Judgement) -> bool {
    let Some(patch) = &judgement.patch else { return false };
    let again = Question { trust: patch.trust.clone(), ..question.clone() };
    judge(family, &again).is_accepted()
}

#[test]
fn sound_set_ups_are_accepted() {
    for corpus in corpora() {
        let judgement = judge(corpus.family(), &corpus.sound());
        assert!(judgement.is_accepted(), "{}: {:?}", corpus.family, judgement.findings);
    }
}

#[test]
fn the_true_cause_comes_first_and_the_patch_puts_it_right() {
    let (mut entries, mut named, mut patched, mut unneeded) = (0_usize, 0_usize, 0_usize, Vec::new());
    let mut misses = Vec::new();
    let mut families: BTreeMap<String, usize> = BTreeMap::new();
    for corpus in corpora() {
        let family = corpus.family();
        for case in &corpus.case {
            let question = corpus.question(case);
            let judgement = judge(family, &question);
            entries += 1;
            *families.entry(corpus.family.clone()).or_default() += 1;
            let found = judgement.first().map(|first| first.cause);
            if found == Some(case.cause) {
                named += 1;
            } else {
                misses.push(format!("{family}: {}: {found:?}, not {:?}", case.name, case.cause));
            }
            let is_right = is_put_right(family, &question, &judgement);
            patched += usize::from(is_right);
            if !is_right && case.patch {
                misses.push(format!("{family}: {}: no patch: {:?}", case.name, judgement.findings));
            }
            if is_right && !case.patch {
                unneeded.push(format!("{family}: {}", case.name));
            }
        }
    }
    let percent = |count: usize| 100.0 * count as f64 / entries as f64;
    println!("corpus of broken trust: {entries} entries, {families:?}");
    println!("true cause named first: {named} of {entries}, {:.1} %", percent(named));
    println!("put right by the patch: {patched} of {entries}, {:.1} %", percent(patched));
    misses.iter().for_each(|miss| println!("  {miss}"));
    assert!(unneeded.is_empty(), "put right although no policy can: {unneeded:?}");
    assert!(entries >= 200, "{entries} entries");
    assert!(percent(named) >= 95.0, "the cause is named in {:.1} %", percent(named));
    assert!(percent(patched) >= 90.0, "the patch helps in {:.1} %", percent(patched));
}
