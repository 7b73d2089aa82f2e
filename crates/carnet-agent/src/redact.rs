//! Hides secrets in a stream of bytes, wherever the stream is cut into pieces.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use secrecy::{ExposeSecret, SecretString};

/// What stands in the place of a secret. It can stand inside a JSON text.
pub(crate) const MASK: &[u8] = b"[redacted]";

/// Shorter values are not hidden: they would turn ordinary words and numbers of a log into masks, and JSON lines into
/// something that is no JSON. Terraform's own marks hide them where Terraform prints them.
const SHORTEST: usize = 6;

/// A line of a secret of several lines is hidden by itself from this length on.
const SHORTEST_LINE: usize = 16;

/// Hides secrets in a stream.
#[derive(Default)]
pub(crate) struct Redactor {
    patterns: Vec<Vec<u8>>,
    search: Option<AhoCorasick>,
    /// The end of the stream so far, which may be the start of a secret.
    held: Vec<u8>,
    /// How many of the held bytes belong to a secret for which a mask was written already.
    covered: usize,
    /// Whether what was shown last is a mask: a secret that touches it is part of it.
    ends_with_mask: bool,
}

impl Redactor {
    /// Hides these secrets, and their usual encodings, from now on.
    pub(crate) fn add<'a>(&mut self, secrets: impl IntoIterator<Item = &'a SecretString>) {
        let before = self.patterns.len();
        for secret in secrets {
            add_forms(&mut self.patterns, secret.expose_secret());
        }
        self.patterns.sort();
        self.patterns.dedup();
        if self.patterns.len() == before {
            return;
        }
        // The automaton is made anew with every token that is refreshed. Of twenty tokens, the fastest kind to search takes
        // 75 ms and 70 MB to make, this one 5 ms and 1 MB. A failure means more patterns than fit into memory addresses.
        let search = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::Standard)
            .build(&self.patterns);
        self.search = search.ok();
    }

    /// Takes the next bytes of the stream and gives what can be shown.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let keep_from = self.first_possible_start();
        self.release(keep_from)
    }

    /// Ends the stream: what is left is shown, unless it is the larger part of a secret.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let keep_from = self.first_possible_start();
        let mut shown = self.release(keep_from);
        let rest = std::mem::take(&mut self.held);
        let covered = std::mem::take(&mut self.covered);
        let tail = &rest[covered.min(rest.len())..];
        let is_hidden = tail.len() >= SHORTEST;
        shown.extend_from_slice(if is_hidden { MASK } else { tail });
        self.ends_with_mask = is_hidden;
        shown
    }

    /// A whole text with its secrets hidden, apart from the stream.
    pub(crate) fn mask(&self, text: &[u8]) -> Vec<u8> {
        let mut shown = Vec::with_capacity(text.len());
        let mut position = 0;
        for (start, stop) in self.found(text) {
            shown.extend_from_slice(&text[position..start]);
            shown.extend_from_slice(MASK);
            position = stop;
        }
        shown.extend_from_slice(&text[position..]);
        shown
    }

    /// Where the first secret may start that is not complete yet.
    fn first_possible_start(&self) -> usize {
        let longest = self.patterns.iter().map(Vec::len).max().unwrap_or(0);
        let from = self.held.len().saturating_sub(longest.saturating_sub(1));
        (from..self.held.len())
            .find(|start| {
                let rest = &self.held[*start..];
                self.patterns.iter().any(|pattern| pattern.len() > rest.len() && pattern.starts_with(rest))
            })
            .unwrap_or(self.held.len())
    }

    /// Shows everything before `end`, and keeps the rest.
    fn release(&mut self, end: usize) -> Vec<u8> {
        let mut shown = Vec::with_capacity(end);
        let mut position = self.covered;
        for (start, stop) in self.found(&self.held) {
            if start >= end {
                break;
            }
            if start > position {
                shown.extend_from_slice(&self.held[position..start]);
                self.ends_with_mask = false;
            }
            if !self.ends_with_mask {
                shown.extend_from_slice(MASK);
                self.ends_with_mask = true;
            }
            position = position.max(stop);
        }
        if position < end {
            shown.extend_from_slice(&self.held[position..end]);
            self.ends_with_mask = false;
            position = end;
        }
        self.held.drain(..end);
        self.covered = position - end;
        shown
    }

    /// The stretches that secrets cover, joined where they overlap or touch, in order.
    fn found(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let Some(search) = &self.search else {
            return Vec::new();
        };
        let mut all: Vec<(usize, usize)> =
            search.find_overlapping_iter(text).map(|found| (found.start(), found.end())).collect();
        all.sort_unstable();
        let mut joined: Vec<(usize, usize)> = Vec::new();
        for (start, stop) in all {
            match joined.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(stop),
                _ => joined.push((start, stop)),
            }
        }
        joined
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} patterns)", self.patterns.len())
    }
}

fn add_forms(patterns: &mut Vec<Vec<u8>>, secret: &str) {
    add_encodings(patterns, secret);
    let trimmed = secret.trim();
    if trimmed != secret {
        add_encodings(patterns, trimmed);
    }
    if secret.contains('\n') {
        let lines = secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE);
        patterns.extend(lines.map(|line| line.as_bytes().to_vec()));
    }
}

fn add_encodings(patterns: &mut Vec<Vec<u8>>, secret: &str) {
    if secret.len() < SHORTEST {
        return;
    }
    patterns.push(secret.as_bytes().to_vec());
    if let Ok(json) = serde_json::to_string(secret) {
        let inner = json[1..json.len() - 1].to_owned();
        // Go writes these three as code points.
        let go = inner.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        patterns.extend([inner.into_bytes(), go.into_bytes()]);
    }
    patterns.push(secret.replace("${", "$${").replace("%{", "%%{").into_bytes());
    patterns.push(percent_encode(secret).into_bytes());
    for shift in 0..3 {
        add_base64(patterns, secret.as_bytes(), shift);
    }
}

/// The secret in base 64, at each of the three places it can have in a longer text, without the characters that its
/// neighbours share.
fn add_base64(patterns: &mut Vec<Vec<u8>>, secret: &[u8], shift: usize) {
    let shifted: Vec<u8> = std::iter::repeat_n(0, shift).chain(secret.iter().copied()).collect();
    let first = [0, 2, 3][shift];
    let whole = shifted.len() / 3 * 4;
    for text in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
        if whole >= first + SHORTEST {
            patterns.push(text.as_bytes()[first..whole].to_vec());
        }
    }
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let secrets: Vec<SecretString> = secrets.iter().map(|text| (*text).to_owned().into()).collect();
        let mut redactor = Redactor::default();
        redactor.add(&secrets);
        redactor
    }

    fn all_at_once(secrets: &[&str], text: &str) -> String {
        let mut redactor = redactor(secrets);
        let mut shown = redactor.push(text.as_bytes());
        shown.extend(redactor.finish());
        String::from_utf8(shown).unwrap()
    }

    #[track_caller]
    fn check(secrets: &[&str], text: &str, expected: &str) {
        assert_eq!(all_at_once(secrets, text), expected);
    }

    #[test]
    fn a_secret_is_masked_once_and_its_surroundings_stay() {
        check(&["swordfish"], "a swordfish, swordfishes", "a [redacted], [redacted]es");
    }

    #[test]
    fn secrets_that_overlap_are_one_mask() {
        check(&["abcdefgh", "efghijkl"], "-abcdefghijkl-", "-[redacted]-");
        check(&["abcdef", "abcdefghi"], "-abcdefghi-abcdefgh-", "-[redacted]-[redacted]gh-");
    }

    #[test]
    fn encoded_forms_are_masked() {
        check(&["p\"w<\n/x12"], r#"{"a":"p\"w\u003c\n/x12"}"#, r#"{"a":"[redacted]"}"#);
        check(&["pass/word=1"], "u:pass%2Fword%3D1@h", "u:[redacted]@h");
        let encoded = STANDARD_NO_PAD.encode("user:correct horse battery");
        let shown = all_at_once(&["correct horse battery"], &encoded);
        assert!(shown.contains("[redacted]") && shown.len() < 30, "{shown}");
    }

    #[test]
    fn the_lines_of_a_key_are_masked_also_when_indented() {
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END KEY-----\n";
        let shown = all_at_once(&[key], "  +   MIIEvQIBADANBgkqhkiG\n");
        assert_eq!(shown, "  +   [redacted]\n");
    }

    #[test]
    fn short_values_are_left_alone() {
        check(&["true", "1234"], "true 1234", "true 1234");
    }

    #[test]
    fn nothing_is_held_back_that_cannot_be_a_secret() {
        let mut redactor = redactor(&["swordfish"]);
        assert_eq!(redactor.push(b"a line\n"), b"a line\n");
        assert_eq!(redactor.push(b"then sword"), b"then ");
        assert_eq!(redactor.push(b"s\n"), b"swords\n");
    }

    #[test]
    fn most_of_a_secret_at_the_end_is_not_shown() {
        check(&["swordfish"], "x swordfis", "x [redacted]");
    }

    #[test]
    fn a_secret_that_touches_the_one_before_a_cut_is_part_of_its_mask() {
        let secrets = ["abcabd", "bdabca"];
        let mut redactor = redactor(&secrets);
        let mut shown = redactor.push(b"abcabdabcaa");
        shown.extend(redactor.push(b"bcabd"));
        shown.extend(redactor.finish());
        assert_eq!(String::from_utf8(shown).unwrap(), "[redacted]");
        assert_eq!(all_at_once(&secrets, "abcabdabcaabcabd"), "[redacted]");
    }

    proptest! {
        #[test]
        fn where_the_stream_is_cut_does_not_matter(
            pieces in prop::collection::vec(prop_oneof![
                Just("abcabd".to_owned()), Just("cabdab".to_owned()), Just("abcabdabc".to_owned()), "[abcd\n]{0,9}",
            ], 0..8),
            cuts in prop::collection::vec(0usize..80, 0..6),
        ) {
            let secrets = ["abcabd", "bdabca", "dddddddd"];
            let text = pieces.concat();
            let mut redactor = redactor(&secrets);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.push(text.len());
            cuts.sort_unstable();
            let (mut shown, mut from) = (Vec::new(), 0);
            for cut in cuts {
                shown.extend(redactor.push(&text.as_bytes()[from..cut]));
                from = cut;
            }
            shown.extend(redactor.finish());
            let shown = String::from_utf8(shown).unwrap();
            prop_assert_eq!(&shown, &all_at_once(&secrets, &text));
            for secret in secrets {
                prop_assert!(!shown.contains(secret));
            }
        }
    }
}
