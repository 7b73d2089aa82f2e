//! How deep an expression is, told before it is read: the parser goes one level deeper for each.

/// Brackets and conditionals within each other.
const DEPTH: usize = 32;
/// Brackets and conditionals of a whole expression, also within texts. Where a text begins and ends is what the parser says, so
/// this holds whatever is made of quotes.
const OPENED: usize = 256;
/// Operators in front of one operand.
const PREFIXES: usize = 32;

/// Says what nests too deeply, if anything does.
pub(super) fn too_deep(source: &str) -> Option<String> {
    let opened = source.bytes().filter(|byte| matches!(byte, b'(' | b'[' | b'{' | b'?')).count();
    if opened > OPENED {
        return Some(format!("an expression has at most {OPENED} brackets and conditionals, not {opened}"));
    }
    let (mut depth, mut conditionals, mut prefixes) = (0_usize, 0_usize, 0_usize);
    let (mut quote, mut is_escaped) = (None, false);
    for byte in source.bytes() {
        if let Some(open) = quote {
            (quote, is_escaped) = match byte {
                _ if is_escaped => (quote, false),
                b'\\' => (quote, true),
                byte if byte == open => (None, false),
                _ => (quote, false),
            };
            continue;
        }
        match byte {
            b'"' | b'\'' => quote = Some(byte),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'?' => conditionals += 1,
            _ => {}
        }
        prefixes = match byte {
            b'!' | b'-' => prefixes + 1,
            byte if byte.is_ascii_whitespace() => prefixes,
            _ => 0,
        };
        if depth + conditionals > DEPTH {
            return Some(format!("brackets and conditionals nest more than {DEPTH} deep"));
        }
        if prefixes > PREFIXES {
            return Some(format!("more than {PREFIXES} operators stand in front of one operand"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_told_before_anything_is_read() {
        let nested =
            |open: &str, close: &str, times: usize| open.repeat(times) + "true" + &close.repeat(times);
        assert_eq!(too_deep(&nested("(", ")", 32)), None);
        assert!(too_deep(&nested("(", ")", 33)).is_some());
        assert!(too_deep(&nested("[", "]", 2000)).is_some());
        assert!(too_deep(&nested("a?", ":b", 33)).is_some());
        assert!(too_deep(&"! ".repeat(33)).is_some());
        assert_eq!(too_deep(&"f('(((', \"[[\") && ".repeat(30)), None);
        // Texts that hide brackets from a simple look are counted all the same.
        assert!(too_deep(&"(r'\\')')".repeat(300)).is_some());
    }
}
