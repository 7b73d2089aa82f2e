use carnet_issuer::{Issuer, KeyRing, SigningKey};
use carnet_model::{FactName, LedgerChain, LedgerCheckpoint, LedgerFact, LedgerHash, LedgerKind, Timestamp};

use super::file::{FileLedger, Line};
use super::source::Source;
use super::verify::{Finding, text, verify};

/// Three entries and a checkpoint of the second one, as they are exported.
async fn exported() -> Vec<String> {
    let key = SigningKey::generate().expect("a key");
    let issuer = Issuer::new("https://carnet.example.com".parse().expect("a URL"), KeyRing::single(key));
    let mut hash = LedgerHash::genesis(&LedgerChain::Site);
    let mut lines = Vec::new();
    let mut checkpoint = None;
    for sequence in 1..=3 {
        let fact = LedgerFact::of_site(LedgerKind::Key, Timestamp::UNIX_EPOCH)
            .with(FactName::Kid, format!("key {sequence} \"ü\""));
        let entry = fact.at(sequence).canonical();
        let previous = hash;
        hash = hash.after(&entry);
        lines.push(format!("{{\"entry\":{entry},\"hash\":\"{hash}\",\"previous\":\"{previous}\"}}"));
        if sequence == 2 {
            let said =
                LedgerCheckpoint { chain: LedgerChain::Site, sequence, hash, time: Timestamp::UNIX_EPOCH };
            checkpoint = Some(issuer.sign_checkpoint(&said).await.expect("signed"));
        }
    }
    let signed = checkpoint.expect("made");
    let line = Line::Checkpoint { chain: "site".to_owned(), checkpoint: signed.jws, key: signed.key };
    lines.push(serde_json::to_string(&line).expect("JSON"));
    lines
}

async fn finding(lines: &[String], is_part: bool) -> Finding {
    let source = Source::File(FileLedger::parse(&lines.join("\n")).expect("a ledger"));
    verify(&source, LedgerChain::Site, None, is_part).await.expect("looked at")
}

async fn fault(lines: &[String]) -> String {
    finding(lines, false).await.result.expect_err("found")
}

#[tokio::test]
async fn an_export_verifies_and_says_what_is_covered() {
    let found = finding(&exported().await, false).await;
    let told = text(std::slice::from_ref(&found), false);
    let summary = found.result.expect("verified");
    assert_eq!((summary.entries, summary.covered, summary.checkpoints), (3, Some(2), 1));
    assert!(told.contains("site: 3 entries, 1 to 3, each as it was written"), "{told}");
    assert!(told.contains("cover entries up to 2"), "{told}");
    assert!(told.contains("give a key set of your own with --keys"), "{told}");
}

#[tokio::test]
async fn what_was_done_to_an_export_is_found() {
    let lines = exported().await;
    let with = |place: usize, from: &str, to: &str| {
        let mut lines = lines.clone();
        lines[place] = lines[place].replacen(from, to, 1);
        lines
    };
    assert!(fault(&with(1, "key 2", "key 9")).await.starts_with("entry 2: its hash does not follow"));
    assert!(fault(&with(1, "\"sequence\":2", "\"sequence\":5")).await.starts_with("entry 2: it is missing"));
    assert!(
        fault(&with(1, "\"version\":1", "\"version\":7")).await.starts_with("entry 2: it cannot be read")
    );
    let mut swapped = lines.clone();
    swapped.swap(0, 1);
    assert!(fault(&swapped).await.starts_with("entry 1: it is missing"), "{}", fault(&swapped).await);
    let cut = [lines[0].clone(), lines[3].clone()];
    assert!(fault(&cut).await.starts_with("entry 2: it is missing, although a signed checkpoint"));
    let mut forged = lines.clone();
    forged[3] = forged[3].replace("\"checkpoint\":\"ey", "\"checkpoint\":\"eY");
    assert!(fault(&forged).await.contains("checkpoint"));
}

#[tokio::test]
async fn a_part_is_verified_only_when_it_is_said_to_be_one() {
    let lines = exported().await;
    let part = &lines[1..];
    assert!(fault(part).await.starts_with("entry 1: it is missing"));
    let found = finding(part, true).await.result.expect("verified");
    assert_eq!((found.entries, found.first, found.covered), (2, Some(2), Some(2)));
}

#[test]
fn a_line_that_is_nothing_is_named() {
    for text in ["{}", "nonsense", "[1]", "{\"entry\":{\"chain\":\"x\"},\"hash\":\"\",\"previous\":\"\"}"] {
        let refused = FileLedger::parse(text).expect_err("refused");
        assert!(format!("{refused:#}").contains("line 1"), "{refused:#}");
    }
}
