//! Whatever is done to a chain is found, at its place.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::{OrgId, Timestamp};

fn chain() -> LedgerChain {
    LedgerChain::Organization(OrgId::from_entropy([9; 16]))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn fact(words: &[(FactName, String)]) -> LedgerFact {
    let empty = LedgerFact { chain: chain(), kind: LedgerKind::Mint, time: at(1), facts: [].into() };
    words.iter().fold(empty, |fact, (name, text)| fact.with(*name, text.clone()))
}

/// A chain of these facts, as it is stored.
fn stored(facts: &[LedgerFact]) -> Vec<LedgerRecord> {
    let mut hash = LedgerHash::genesis(&chain());
    let mut records = Vec::new();
    for (sequence, fact) in (1..).zip(facts) {
        let entry = fact.clone().at(sequence).canonical();
        hash = hash.after(&entry);
        records.push(LedgerRecord { sequence, entry, hash: hash.to_string(), recorded_at: Some(fact.time) });
    }
    records
}

fn checkpoint(records: &[LedgerRecord], sequence: usize) -> LedgerCheckpoint {
    let hash = records[sequence - 1].hash.parse().expect("a hash");
    LedgerCheckpoint { chain: chain(), sequence: sequence as u64, hash, time: at(77) }
}

fn verify(records: &[LedgerRecord], checkpoints: &[LedgerCheckpoint]) -> Result<LedgerSummary, LedgerFault> {
    let mut verifier = LedgerVerifier::new(chain(), checkpoints.iter().cloned());
    for record in records {
        verifier.check(record)?;
    }
    verifier.finish()
}

#[test]
fn an_entry_has_one_text() {
    let fact = fact(&[
        (FactName::Reason, "a \"quoted\" \\ line\n\u{1}\u{7f} ü \u{2028} \u{1f600}".to_owned()),
        (FactName::Actor, "user-1".to_owned()),
        (FactName::Commit, String::new()),
    ]);
    let text = fact.at(3).canonical();
    let id = OrgId::from_entropy([9; 16]);
    assert_eq!(
        text,
        format!(
            "{{\"actor\":\"user-1\",\"chain\":\"{id}\",\"kind\":\"mint\",\"reason\":\"a \\\"quoted\\\" \\\\ line\\n\\u0001\u{7f} ü \
             \u{2028} \u{1f600}\",\"sequence\":3,\"time\":\"1970-01-01T00:00:01.000Z\",\"version\":1}}"
        )
    );
    assert_eq!(LedgerEntry::parse(&text).expect("an entry").canonical(), text);
}

#[test]
fn the_hashes_are_those_that_anybody_computes() {
    // printf %s 'carnet-ledger/1:site' | sha256sum
    let genesis = LedgerHash::genesis(&LedgerChain::Site);
    assert_eq!(genesis.to_string(), "66cfd333151f4e0607f18e51f25b9c8c71e7416c97e893d23081f0e60a808843");
    assert_eq!(
        genesis.after("{}").to_string(),
        "b21e54a375f01e238db84026a9fadf281951597054b25e47afaa3d7c8e598162"
    );
    for text in ["", "abc", &"g".repeat(64), &"A".repeat(64), &"0".repeat(63)] {
        assert_eq!(text.parse::<LedgerHash>(), Err(LedgerHashError));
    }
}

#[test]
fn another_way_to_write_an_entry_is_none() {
    let text = fact(&[]).at(1).canonical();
    let of = |text: &str| LedgerEntry::parse(text).expect_err("refused");
    assert_eq!(of(&text.replace(',', ", ")), LedgerFormatError::NotCanonical);
    assert_eq!(of(&text.replace("mint", "\\u006dint")), LedgerFormatError::NotCanonical);
    assert_eq!(of(&text.replacen('{', "{\"kind\":\"mint\",", 1)), LedgerFormatError::NotCanonical);
    assert_eq!(
        of(&text.replace("\"sequence\":1", "\"sequence\":1.0")),
        LedgerFormatError::Member("sequence")
    );
    assert_eq!(of(&text.replace("01.000Z", "01Z")), LedgerFormatError::Member("time"));
    assert_eq!(of(&text.replace("\"version\":1", "\"version\":2")), LedgerFormatError::Version);
    assert_eq!(of(&text.replacen('{', "{\"a\":[],", 1)), LedgerFormatError::Fact("a".to_owned()));
    assert_eq!(of("[]"), LedgerFormatError::Json);
}

#[test]
fn a_chain_cannot_become_another_one() {
    let records = stored(&[fact(&[]), fact(&[])]);
    let mut verifier = LedgerVerifier::new(LedgerChain::Site, []);
    let fault = verifier.check(&records[0]).expect_err("refused");
    assert_eq!(fault.problem, LedgerProblem::OtherChain(chain()));
}

#[test]
fn a_part_of_a_chain_verifies_behind_the_hash_before_it() {
    let records = stored(&[fact(&[]), fact(&[]), fact(&[])]);
    let before = records[0].hash.parse().expect("a hash");
    let mut verifier = LedgerVerifier::behind(chain(), 1, before, [checkpoint(&records, 3)]);
    for record in &records[1..] {
        verifier.check(record).expect("verified");
    }
    let summary = verifier.finish().expect("verified");
    assert_eq!((summary.entries, summary.first, summary.covered), (2, Some(2), Some(3)));
}

fn facts() -> impl Strategy<Value = Vec<LedgerFact>> {
    let word = (prop::sample::select(FactName::ALL), "\\PC{0,12}|[\\x00-\\x1f\"\\\\]{1,4}");
    let words = prop::collection::vec(word, 0..6);
    let kind = prop::sample::select(LedgerKind::ALL);
    let one = (words, kind, 0..4_000_000_000_i64).prop_map(|(words, kind, second)| LedgerFact {
        kind,
        time: at(second),
        ..fact(&words)
    });
    prop::collection::vec(one, 2..24)
}

/// What somebody does to a chain that they can write to.
#[derive(Debug, Clone)]
enum Tampering {
    Byte { place: Index, byte: Index, value: u8 },
    HashByte { place: Index, byte: Index, value: u8 },
    Remove { place: Index },
    Truncate { place: Index },
    Swap { first: Index, second: Index },
    SwapTexts { first: Index, second: Index },
    Duplicate { place: Index },
    Insert { place: Index },
    RewriteFrom { place: Index },
    KeepAsOf { place: Index, second: i64 },
}

fn tampering() -> impl Strategy<Value = Tampering> {
    let index = any::<Index>;
    prop_oneof![
        (index(), index(), 0_u8..0x80).prop_map(|(place, byte, value)| Tampering::Byte {
            place,
            byte,
            value
        }),
        (index(), index(), 0_u8..0x80).prop_map(|(place, byte, value)| Tampering::HashByte {
            place,
            byte,
            value
        }),
        index().prop_map(|place| Tampering::Remove { place }),
        index().prop_map(|place| Tampering::Truncate { place }),
        (index(), index()).prop_map(|(first, second)| Tampering::Swap { first, second }),
        (index(), index()).prop_map(|(first, second)| Tampering::SwapTexts { first, second }),
        index().prop_map(|place| Tampering::Duplicate { place }),
        index().prop_map(|place| Tampering::Insert { place }),
        index().prop_map(|place| Tampering::RewriteFrom { place }),
        (index(), 0..4_000_000_000_i64).prop_map(|(place, second)| Tampering::KeepAsOf { place, second }),
    ]
}

/// A text with another byte at a place; the bytes of a longer character become one of ASCII together.
fn with_byte(text: &str, byte: Index, value: u8) -> String {
    let places: Vec<(usize, char)> = text.char_indices().collect();
    let (place, character) = places[byte.index(places.len())];
    format!("{}{}{}", &text[..place], char::from(value), &text[place + character.len_utf8()..])
}

impl Tampering {
    /// Does it, and tells at which entry it must be found, if it changed anything.
    fn apply(&self, records: &mut Vec<LedgerRecord>) -> Option<u64> {
        let count = records.len();
        let before = records.clone();
        let found = match self {
            Self::Byte { place, byte, value } => {
                let record = &mut records[place.index(count)];
                record.entry = with_byte(&record.entry, *byte, *value);
                record.sequence
            }
            Self::HashByte { place, byte, value } => {
                let record = &mut records[place.index(count)];
                record.hash = with_byte(&record.hash, *byte, *value);
                record.sequence
            }
            Self::Remove { place } => records.remove(place.index(count)).sequence,
            Self::Truncate { place } => {
                records.truncate(place.index(count));
                records.len() as u64 + 1
            }
            Self::Swap { first, second } => {
                records.swap(first.index(count), second.index(count));
                first.index(count).min(second.index(count)) as u64 + 1
            }
            Self::SwapTexts { first, second } => {
                let (first, second) = (first.index(count), second.index(count));
                let text = std::mem::replace(&mut records[first].entry, before[second].entry.clone());
                records[second].entry = text;
                first.min(second) as u64 + 1
            }
            Self::Duplicate { place } => {
                let place = place.index(count);
                records.insert(place, records[place].clone());
                place as u64 + 2
            }
            Self::Insert { place } => {
                // The entries behind it move on, hashes and all, but the ends of the two chains differ.
                let place = place.index(count);
                let mut facts: Vec<LedgerFact> = before.iter().map(fact_of).collect();
                facts.insert(place, fact(&[(FactName::Reason, "it was somebody else".to_owned())]));
                *records = stored(&facts);
                // The only thing that still knows is the checkpoint at the end.
                count as u64
            }
            Self::KeepAsOf { place, second } => {
                let record = &mut records[place.index(count)];
                record.recorded_at = Some(at(*second));
                record.sequence
            }
            Self::RewriteFrom { place } => {
                let mut facts: Vec<LedgerFact> = before.iter().map(fact_of).collect();
                let fact = &mut facts[place.index(count)];
                *fact = fact.clone().with(FactName::Actor, "user-somebodyelse");
                *records = stored(&facts);
                count as u64
            }
        };
        (*records != before).then_some(found)
    }
}

fn fact_of(record: &LedgerRecord) -> LedgerFact {
    let LedgerEntry { chain, time, kind, facts, .. } = LedgerEntry::parse(&record.entry).expect("an entry");
    LedgerFact { chain, kind, time, facts }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_tampering_is_found_where_it_was_done(facts in facts(), tampering in tampering()) {
        let mut records = stored(&facts);
        let covered = [checkpoint(&records, records.len())];
        let untouched = verify(&records, &covered).expect("verified");
        prop_assert_eq!(untouched.entries, records.len() as u64);
        prop_assert_eq!(untouched.covered, Some(records.len() as u64));
        let expected = tampering.apply(&mut records);
        let found = verify(&records, &covered).err().map(|fault| fault.sequence);
        prop_assert_eq!(found, expected, "{:?}", tampering);
    }

    #[test]
    fn an_altered_entry_with_a_hash_to_match_is_found_at_the_next_one(facts in facts(), place in any::<Index>()) {
        let mut records = stored(&facts);
        let place = place.index(records.len() - 1);
        let altered = fact_of(&records[place]).with(FactName::Run, "run-of-somebody-else").at(place as u64 + 1).canonical();
        prop_assume!(altered != records[place].entry);
        let before = match place.checked_sub(1) {
            Some(before) => records[before].hash.parse().expect("a hash"),
            None => LedgerHash::genesis(&chain()),
        };
        records[place].hash = before.after(&altered).to_string();
        records[place].entry = altered;
        let fault = verify(&records, &[]).expect_err("found");
        prop_assert_eq!(fault, LedgerFault { sequence: place as u64 + 2, problem: LedgerProblem::Altered });
    }

    #[test]
    fn every_entry_survives_being_written_and_read(facts in facts()) {
        for record in stored(&facts) {
            let entry = LedgerEntry::parse(&record.entry).expect("an entry");
            prop_assert_eq!(entry.canonical(), record.entry);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,80}") {
        let _ = LedgerEntry::parse(&text);
        let _ = text.parse::<LedgerHash>();
    }
}
