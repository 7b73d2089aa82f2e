use std::path::Path;

use carnet_issuer::{CheckpointLink, Issuer, Jwks, KeyRing, PublicJwk, SigningKey, checkpoint_digest};
use carnet_model::{FactName, LedgerChain, LedgerCheckpoint, LedgerFact, LedgerHash, LedgerKind, Timestamp};

use super::file::{FileLedger, Line};
use super::kept::{Kept, KeptCheckpoint, checkpoints};
use super::report::{json, text};
use super::source::Source;
use super::verify::{Finding, Report, verify};

/// Entries of the site's chain as they are exported, and checkpoints of some of them.
struct Exported {
    lines: Vec<String>,
    hashes: Vec<LedgerHash>,
    signed: Vec<KeptCheckpoint>,
}

/// Entries with these keys, a checkpoint after each of the places, and the key that signed them.
async fn export(kids: &[&str], covered: &[u64]) -> (Exported, PublicJwk) {
    let key = SigningKey::generate().expect("a key");
    let public = key.public().clone();
    let issuer = Issuer::new("https://carnet.example.com".parse().expect("a URL"), KeyRing::single(key));
    let mut hash = LedgerHash::genesis(&LedgerChain::Site);
    let mut made = Exported { lines: Vec::new(), hashes: Vec::new(), signed: Vec::new() };
    let (mut before, mut last) = (None, Vec::new());
    for (sequence, kid) in (1..).zip(kids) {
        let fact = LedgerFact::of_site(LedgerKind::Key, Timestamp::UNIX_EPOCH)
            .with(FactName::Kid, format!("{kid} {sequence} \"ü\""));
        let entry = fact.at(sequence).canonical();
        let previous = hash;
        hash = hash.after(&entry);
        made.lines.push(format!("{{\"entry\":{entry},\"hash\":\"{hash}\",\"previous\":\"{previous}\"}}"));
        made.hashes.push(hash);
        if covered.contains(&sequence) {
            let said =
                LedgerCheckpoint { chain: LedgerChain::Site, sequence, hash, time: Timestamp::UNIX_EPOCH };
            let signed = issuer.sign_checkpoint(&said, before.take()).await.expect("signed");
            before = Some(CheckpointLink { sequence, sha256: checkpoint_digest(&signed.jws) });
            made.signed.push(KeptCheckpoint { jws: signed.jws.clone(), key: Some(signed.key.clone()) });
            let line = Line::Checkpoint { chain: "site".to_owned(), checkpoint: signed.jws, key: signed.key };
            last.push(serde_json::to_string(&line).expect("JSON"));
        }
    }
    made.lines.extend(last);
    (made, public)
}

/// Three entries and a checkpoint of the second one, as they are exported.
async fn exported() -> Vec<String> {
    export(&["key"; 3], &[2]).await.0.lines
}

fn read(folder: &Path, lines: &[String]) -> anyhow::Result<FileLedger> {
    let file = folder.join("ledger.jsonl");
    std::fs::write(&file, lines.join("\n")).expect("written");
    FileLedger::read(&file, None)
}

async fn report(lines: &[String], kept: &Kept, is_part: bool) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Source::File(read(folder.path(), lines).expect("a ledger"));
    verify(&source, kept, is_part).await.expect("looked at")
}

async fn finding(lines: &[String], is_part: bool) -> Finding {
    report(lines, &Kept::default(), is_part).await.findings.remove(0)
}

async fn fault(lines: &[String]) -> String {
    finding(lines, false).await.result.expect_err("found")
}

#[tokio::test]
async fn an_export_verifies_and_says_what_is_covered() {
    let mut found = report(&exported().await, &Kept::default(), false).await;
    let told = text(&found);
    let summary = found.findings.remove(0).result.expect("verified");
    assert_eq!((summary.entries, summary.covered, summary.checkpoints), (3, Some(2), 1));
    assert!(told.contains("site: 3 entries, 1 to 3\n  1 to 2: each as it was written; 1 signed"), "{told}");
    assert!(told.contains("3 to 3: they fit together, and nobody signed them yet"), "{told}");
    for missing in ["give a key set of your own with --keys", "with --issuer", "--checkpoint or --earlier"] {
        assert!(told.contains(missing), "{told}");
    }
}

#[tokio::test]
async fn only_what_a_checkpoint_covers_is_said_to_be_as_it_was_written() {
    let of = async |covered: &[u64]| {
        let (made, _) = export(&["key"; 3], covered).await;
        let report = report(&made.lines, &Kept::default(), false).await;
        (text(&report), json(&report)["chains"][0].clone())
    };
    for (covered, verdict, unsigned) in [
        (&[][..], "not-signed", serde_json::json!(1)),
        (&[1][..], "partly-signed", serde_json::json!(2)),
        (&[1, 3][..], "as-written", serde_json::Value::Null),
    ] {
        let (told, found) = of(covered).await;
        assert_eq!((&found["verdict"], &found["unsigned_from"]), (&verdict.into(), &unsigned), "{told}");
        assert_eq!(told.contains("nobody signed them yet"), !unsigned.is_null(), "{told}");
        assert_eq!(told.contains("each as it was written"), !covered.is_empty(), "{told}");
    }
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
        let folder = tempfile::tempdir().expect("a folder");
        let refused = read(folder.path(), &[text.to_owned()]).expect_err("refused");
        assert!(format!("{refused:#}").contains("line 1"), "{refused:#}");
    }
}

/// What a ledger is found to be that is held against something that was kept.
async fn against(lines: &[String], kept: Kept) -> Result<(), String> {
    report(lines, &kept, false).await.findings.remove(0).result.map(drop)
}

#[tokio::test]
async fn what_an_auditor_kept_shows_that_checkpoints_or_entries_are_gone() {
    let (made, _) = export(&["key"; 4], &[2, 4]).await;
    let without = |gone: &[usize]| -> Vec<String> {
        let lines = made.lines.iter().enumerate();
        lines.filter(|(place, _)| !gone.contains(place)).map(|(_, line)| line.clone()).collect()
    };
    let kept = || Kept { checkpoints: made.signed.clone(), ..Kept::default() };
    against(&made.lines, kept()).await.expect("all is there");
    // Its end was cut off, with the checkpoint that covered it.
    let cut = without(&[2, 3, 5]);
    against(&cut, Kept::default()).await.expect("nothing is seen by itself");
    let fault = against(&cut, kept()).await.expect_err("found");
    assert!(fault.starts_with("entry 3: it is missing, although a signed checkpoint"), "{fault}");
    // The same with an earlier export.
    let ends = [(LedgerChain::Site, vec![(3, made.hashes[2])])];
    let earlier = || Kept { ends: ends.clone().into(), ..Kept::default() };
    let fault = against(&cut, earlier()).await.expect_err("found");
    assert_eq!(fault, "entry 3: it is missing, although the earlier export knows of entries up to 3");
    // All was written anew and no checkpoint is left, or they are those of somebody else.
    for covered in [&[][..], &[2, 4]] {
        let (other, _) = export(&["key", "other", "key", "key"], covered).await;
        against(&other.lines, Kept::default()).await.expect("nothing is seen by itself");
        let fault = against(&other.lines, kept()).await.expect_err("found");
        assert!(fault.starts_with("entry 2: a signed checkpoint of"), "{fault}");
        let fault = against(&other.lines, earlier()).await.expect_err("found");
        assert!(fault.starts_with("entry 3: the earlier export says another hash"), "{fault}");
    }
}

#[tokio::test]
async fn a_checkpoint_that_is_gone_is_missed_by_the_next_one() {
    let (made, _) = export(&["key"; 4], &[1, 2, 4]).await;
    let lines = |kept: &[usize]| kept.iter().map(|place| made.lines[*place].clone()).collect::<Vec<_>>();
    let of = async |kept: &[usize]| against(&lines(kept), Kept::default()).await;
    assert_eq!(of(&[0, 1, 2, 3, 4, 5, 6]).await, Ok(()));
    for (kept, gone, next) in [(&[0, 1, 2, 3, 4, 6], 2, 4), (&[0, 1, 2, 3, 5, 6], 1, 2)] {
        let expected = format!(
            "the checkpoint of entry {gone} is missing or is another one: that of entry {next} follows it"
        );
        assert_eq!(of(kept).await, Err(expected));
    }
}

#[tokio::test]
async fn a_key_that_is_not_in_the_set_is_neither_proof_nor_tampering() {
    let (made, key) = export(&["key"; 3], &[2]).await;
    let (_, stranger) = export(&["key"], &[]).await;
    let with = |keys: Vec<PublicJwk>| Kept { keys: Some(Jwks { keys }), ..Kept::default() };
    let unproven = report(&made.lines, &with(vec![stranger.clone()]), false).await;
    let told = text(&unproven);
    assert!(told.contains("NOT PROVEN: checkpoints were signed by keys that are in no key set"), "{told}");
    assert!(!told.contains("NOT WHAT WAS WRITTEN"), "{told}");
    assert_eq!(json(&unproven)["chains"][0]["verdict"], "not-proven");
    let proven = report(&made.lines, &with(vec![stranger, key]), false).await;
    assert_eq!(json(&proven)["chains"][0]["verdict"], "partly-signed");
    assert!(!text(&proven).contains("--keys"), "{}", text(&proven));
}

#[tokio::test]
async fn checkpoints_must_be_of_the_issuer_that_is_asked_for() {
    let (made, _) = export(&["key"; 3], &[2]).await;
    let of = |url: &str| Kept { issuer: Some(url.to_owned()), ..Kept::default() };
    against(&made.lines, of("https://carnet.example.com")).await.expect("verified");
    let fault = against(&made.lines, of("https://other.example.com")).await.expect_err("found");
    assert!(fault.contains("of the issuer https://carnet.example.com, not of"), "{fault}");
}

#[tokio::test]
async fn checkpoints_are_read_in_every_form_in_which_they_are_given() {
    let (made, key) = export(&["key"; 3], &[2]).await;
    let jws = &made.signed[0].jws;
    let answer = serde_json::json!({
        "chain": "site", "checkpoints": [{ "kid": key.kid().to_string(), "jws": jws }],
        "jwks": { "keys": [key] }, "next_after": null,
    });
    for (text, has_key) in [(jws.clone(), false), (made.lines[3].clone(), true), (answer.to_string(), true)] {
        let found = checkpoints(&text).expect("read");
        assert_eq!((found.len(), &found[0].jws, found[0].key.is_some()), (1, jws, has_key), "{text}");
    }
    for nonsense in ["", "nonsense", "{}", &made.lines[0]] {
        assert!(checkpoints(nonsense).is_err(), "{nonsense}");
    }
    // One without its key is checked with the key that came with the ledger.
    let bare = KeptCheckpoint { jws: jws.clone(), key: None };
    let kept = || Kept { checkpoints: vec![bare.clone()], ..Kept::default() };
    against(&made.lines, kept()).await.expect("verified");
    let told = text(&report(&made.lines[..3], &kept(), false).await);
    assert!(told.contains("NOT PROVEN"), "{told}");
}

#[tokio::test]
async fn a_file_is_read_page_by_page() {
    let (made, _) = export(&["key"; 2_500], &[2_400]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = read(folder.path(), &made.lines).expect("a ledger");
    let page = file.page(&LedgerChain::Site, 0).expect("read");
    assert_eq!((page.records.len(), page.next.is_some()), (1_000, true));
    let found = finding(&made.lines, false).await.result.expect("verified");
    assert_eq!((found.entries, found.covered), (2_500, Some(2_400)));
}
