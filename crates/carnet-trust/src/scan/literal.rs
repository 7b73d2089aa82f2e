//! The texts of conditions, in which names stand.

/// A name without what patterns put around it.
pub(super) fn plain(text: &str) -> String {
    let text = text.replace(".*", "*").replace(".+", "*").replace('\\', "");
    let text = text.trim_matches(['*', '^', '$', ':']).replace('*', "").replace('?', "x");
    if text.contains(['(', '[', '|', '+']) { String::new() } else { text }
}

/// The texts of an expression in CEL, each with what stands before it.
pub(super) fn literals(source: &str) -> Vec<(String, String)> {
    let (mut found, mut about, mut text) = (Vec::new(), String::new(), String::new());
    let (mut quote, mut is_escaped) = (None, false);
    for character in source.chars() {
        match quote {
            None if matches!(character, '\'' | '"') => quote = Some(character),
            None => {
                // Within a list of texts it is the same that all are compared with.
                if character == '&' || character == '|' {
                    about.clear();
                }
                about.push(character);
            }
            Some(_) if is_escaped => {
                text.push(character);
                is_escaped = false;
            }
            Some(_) if character == '\\' => is_escaped = true,
            Some(open) if character == open => {
                found.push((about.clone(), std::mem::take(&mut text)));
                quote = None;
            }
            Some(_) => text.push(character),
        }
    }
    found
}
