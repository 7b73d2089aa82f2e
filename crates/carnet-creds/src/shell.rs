//! Words of a POSIX shell.

/// A text as one word of a POSIX shell: what others report or choose must never become a command of its own.
pub fn shell_quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    match word {
        "" => "\"\"".to_owned(),
        _ if word.bytes().all(is_plain) => word.to_owned(),
        _ => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
