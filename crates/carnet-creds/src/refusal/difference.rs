//! Where two texts part that should be the same.

/// Two texts that should be the same, and the first character in which they are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    one: (&'static str, String),
    other: (&'static str, String),
    /// Counted from 0, in characters.
    position: usize,
}

impl Difference {
    /// Compares two texts, each with its name; nothing when they are the same.
    pub(crate) fn between(one: (&'static str, &str), other: (&'static str, &str)) -> Option<Self> {
        if one.1 == other.1 {
            return None;
        }
        let same = one.1.chars().zip(other.1.chars()).take_while(|(one, other)| one == other);
        let position = same.count();
        Some(Self { one: (one.0, one.1.to_owned()), other: (other.0, other.1.to_owned()), position })
    }

    /// Both texts, one below the other, and a mark below the character.
    pub(crate) fn lines(&self) -> Vec<String> {
        let width = self.one.0.chars().count().max(self.other.0.chars().count());
        let row = |(name, text): &(&str, String)| format!("{name:<width$} {text}");
        let indent = width + 1 + self.position;
        let mark = format!("{:indent$}^ at character {}{}", "", self.position + 1, self.remark());
        vec![row(&self.one), row(&self.other), mark]
    }

    /// What the eye overlooks.
    fn remark(&self) -> String {
        let rest = |text: &str| text.chars().skip(self.position).collect::<String>();
        let (one, other) = (rest(&self.one.1), rest(&self.other.1));
        if self.one.1.eq_ignore_ascii_case(&self.other.1) {
            return ": upper and lower case are told apart".to_owned();
        }
        for ((name, _), rest, opposite) in [(&self.one, &one, &other), (&self.other, &other, &one)] {
            if opposite.is_empty() && rest == "/" {
                return format!(": {name} has a slash at its end");
            }
            if opposite.is_empty() && rest.trim().is_empty() {
                return format!(": {name} has white space at its end");
            }
        }
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, expected: &[&str]) {
        let found = Difference::between(("token", one), ("expected", other));
        assert_eq!(found.map(|difference| difference.lines()).unwrap_or_default(), expected);
    }

    #[test]
    fn the_first_character_that_differs_is_marked() {
        check("run_phase:plan", "run_phase:plan", &[]);
        check(
            "run_phase:plan",
            "run_phase:apply",
            &["token    run_phase:plan", "expected run_phase:apply", "                   ^ at character 11"],
        );
    }

    #[test]
    fn what_the_eye_overlooks_is_said() {
        let last = |one: &str, other: &str| {
            let found = Difference::between(("token", one), ("expected", other)).unwrap();
            found.lines().pop().unwrap().trim_start().to_owned()
        };
        assert_eq!(last("a", "a/"), "^ at character 2: expected has a slash at its end");
        assert_eq!(last("a \n", "a"), "^ at character 2: token has white space at its end");
        assert_eq!(last("aBc", "abc"), "^ at character 2: upper and lower case are told apart");
        assert_eq!(last("ä:x", "ä:y"), "^ at character 3");
    }
}
