//! Values that take the place of sensitive ones.

use std::collections::HashMap;

use serde_json::Value;

/// The marks of both sides in one.
pub(super) fn either(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Bool(true), _) | (_, Value::Bool(true)) => Value::Bool(true),
        (Value::Object(mut all), Value::Object(more)) => {
            for (name, marks) in more {
                let before = all.remove(&name).unwrap_or_default();
                all.insert(name, either(before, marks));
            }
            Value::Object(all)
        }
        (Value::Array(mut all), Value::Array(more)) => {
            for (place, marks) in more.into_iter().enumerate() {
                match all.get_mut(place) {
                    Some(before) => *before = either(before.take(), marks),
                    None => all.push(marks),
                }
            }
            Value::Array(all)
        }
        (marks @ (Value::Object(_) | Value::Array(_)), _) | (_, marks) => marks,
    }
}

pub(super) fn has_mark(marks: &Value) -> bool {
    match marks {
        Value::Bool(mark) => *mark,
        Value::Array(inner) => inner.iter().any(has_mark),
        Value::Object(inner) => inner.values().any(has_mark),
        Value::Null | Value::Number(_) | Value::String(_) => false,
    }
}

/// Replaces values so that equal ones stay equal, unequal ones unequal, and every type what it is: clients compare both
/// sides of a change and read them by the provider's schema.
#[derive(Default)]
pub(super) struct Masks {
    /// The number of each value that was replaced, by its text.
    seen: HashMap<String, usize>,
}

impl Masks {
    /// Replaces what the marks call sensitive.
    pub(super) fn apply(&mut self, value: &mut Value, marks: &Value) {
        match (marks, value) {
            (Value::Bool(true), value) => self.hide(value),
            (Value::Array(marks), Value::Array(values)) => {
                for (value, marks) in values.iter_mut().zip(marks) {
                    self.apply(value, marks);
                }
            }
            (Value::Object(marks), Value::Object(values)) => {
                for (name, marks) in marks {
                    if let Some(value) = values.get_mut(name) {
                        self.apply(value, marks);
                    }
                }
            }
            _ => {}
        }
    }

    fn hide(&mut self, value: &mut Value) {
        match value {
            Value::Null => {}
            Value::Array(values) => values.iter_mut().for_each(|value| self.hide(value)),
            Value::Object(values) => values.values_mut().for_each(|value| self.hide(value)),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                *value = self.mask(value);
            }
        }
    }

    fn mask(&mut self, value: &Value) -> Value {
        // Values of one type are numbered by themselves: a boolean has but two.
        let kind = match value {
            Value::Bool(_) => 'b',
            Value::Number(_) => 'n',
            _ => 's',
        };
        let place = format!("{kind}{value}");
        let known = self.seen.keys().filter(|key| key.starts_with(kind)).count();
        let number = *self.seen.entry(place).or_insert(known);
        match kind {
            'b' => Value::Bool(number == 1),
            'n' => Value::from(number),
            _ if number == 0 => Value::from("(sensitive value)"),
            _ => Value::from(format!("(sensitive value {})", number + 1)),
        }
    }
}
