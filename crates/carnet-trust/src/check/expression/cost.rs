//! How much work an expression can be at most, told from what it says and from the size of its variables.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators},
};
use serde_json::Value;

use super::Variables;

/// Steps of one evaluation.
const STEPS: u64 = 1_000_000;
/// Bytes and elements of one value.
const WEIGHT: u64 = 1 << 20;
/// Bytes that one step copies or compares.
const BYTES: u64 = 32;
/// The work of a regular expression at its greatest: the matcher refuses larger ones.
const REGULAR: u64 = 500_000;

/// The most that a value can be.
#[derive(Debug, Clone, Copy)]
struct Size<'a> {
    /// Bytes of texts, and elements, however deep.
    weight: u64,
    /// Elements.
    count: u64,
    /// The weight of one element.
    item: u64,
    /// The value itself, where it is known beforehand.
    known: Option<&'a Value>,
}

impl<'a> Size<'a> {
    fn new(weight: u64, count: u64, item: u64) -> Self {
        Self { weight: weight.max(1), count, item: item.max(1), known: None }
    }

    /// A text, or a value of which no more is known: as many elements as it has bytes.
    fn text(weight: u64) -> Self {
        Self::new(weight, weight, weight)
    }

    fn one() -> Self {
        Self::new(1, 1, 1)
    }

    fn of(value: &'a Value) -> Self {
        let size = match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::one(),
            Value::String(text) => Self::text(text.len() as u64),
            Value::Array(list) => Self::sum(list.iter().map(|one| Self::of(one).weight)),
            Value::Object(members) => {
                Self::sum(members.iter().map(|(name, one)| name.len() as u64 + Self::of(one).weight))
            }
        };
        Self { known: Some(value), ..size }
    }

    fn sum(items: impl Iterator<Item = u64>) -> Self {
        let (mut weight, mut count, mut item) = (1_u64, 0, 1);
        for one in items {
            weight = weight.saturating_add(one).saturating_add(1);
            count += 1;
            item = one.max(item);
        }
        Self::new(weight, count, item)
    }

    fn max(self, other: Self) -> Self {
        Self::new(self.weight.max(other.weight), self.count.max(other.count), self.item.max(other.item))
    }

    fn plus(self, other: Self) -> Self {
        Self::new(
            self.weight.saturating_add(other.weight),
            self.count.saturating_add(other.count),
            self.item.max(other.item),
        )
    }

    fn member(self, name: &str) -> Self {
        match self.known {
            Some(Value::Object(members)) => members.get(name).map_or(Self::one(), Self::of),
            Some(_) | None => Self::text(self.weight),
        }
    }
}

struct Walk<'a> {
    /// Variables in scope, the innermost last.
    scope: Vec<(&'a str, Size<'a>)>,
    steps: u64,
    /// How often what is looked at is evaluated.
    times: u64,
}

/// The steps that an expression takes at most, or nothing if those are too many.
pub(super) fn steps(expression: &IdedExpr, variables: &Variables<'_>) -> Option<u64> {
    let scope = variables.iter().map(|(name, value)| (*name, Size::of(value))).collect();
    let mut walk = Walk { scope, steps: 0, times: 1 };
    walk.visit(expression);
    (walk.steps <= STEPS).then_some(walk.steps)
}

impl<'a> Walk<'a> {
    fn charge(&mut self, steps: u64) {
        self.steps = self.steps.saturating_add(self.times.saturating_mul(steps));
    }

    fn visit(&mut self, expression: &'a IdedExpr) -> Size<'a> {
        let size = match &expression.expr {
            Expr::Unspecified => Size::one(),
            Expr::Literal(LiteralValue::String(text)) => Size::text(text.inner().len() as u64),
            Expr::Literal(LiteralValue::Bytes(bytes)) => Size::text(bytes.inner().len() as u64),
            Expr::Literal(_) => Size::one(),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => {
                let operand = self.visit(&select.operand);
                if select.test { Size::one() } else { operand.member(&select.field) }
            }
            Expr::List(list) => {
                let items: Vec<u64> = list.elements.iter().map(|one| self.visit(one).weight).collect();
                Size::sum(items.into_iter())
            }
            Expr::Map(map) => self.entries(map.entries.iter().map(|entry| &entry.expr)),
            Expr::Struct(one) => self.entries(one.entries.iter().map(|entry| &entry.expr)),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(one) => self.comprehension(one),
        };
        self.charge(1 + size.weight / BYTES);
        if size.weight > WEIGHT {
            self.steps = u64::MAX;
        }
        size
    }

    fn variable(&self, name: &str) -> Size<'a> {
        // A dot in front names what is outside of all scopes.
        let found = self.scope.iter().rev().find(|(known, _)| *known == name);
        let largest = || self.scope.iter().map(|(_, size)| size.weight).max();
        found.map_or_else(|| Size::text(largest().unwrap_or_default()), |(_, size)| *size)
    }

    fn entries(&mut self, entries: impl Iterator<Item = &'a EntryExpr>) -> Size<'a> {
        let mut items = Vec::new();
        for entry in entries {
            items.push(match entry {
                EntryExpr::StructField(field) => self.visit(&field.value).weight,
                EntryExpr::MapEntry(entry) => {
                    self.visit(&entry.key).weight.saturating_add(self.visit(&entry.value).weight)
                }
            });
        }
        Size::sum(items.into_iter())
    }

    /// `all`, `exists`, `exists_one`, `map` and `filter`. What they accumulate grows by the same in each round.
    fn comprehension(&mut self, one: &'a ComprehensionExpr) -> Size<'a> {
        let range = self.visit(&one.iter_range);
        let begun = self.visit(&one.accu_init);
        let (depth, times) = (self.scope.len(), self.times);
        let item = Size::text(range.item);
        self.scope.push((&one.accu_var, begun));
        self.scope.push((&one.iter_var, item));
        self.scope.extend(one.iter_var2.as_deref().map(|name| (name, item)));
        self.times = times.saturating_mul(range.count.max(1));
        self.visit(&one.loop_cond);
        let step = self.visit(&one.loop_step);
        let grown = step.weight.saturating_sub(begun.weight).saturating_mul(range.count);
        let accumulated = Size::new(
            begun.weight.saturating_add(grown),
            begun.count.saturating_add(range.count),
            step.weight,
        );
        self.charge(accumulated.weight / BYTES);
        self.scope.truncate(depth);
        self.times = times;
        self.scope.push((&one.accu_var, accumulated));
        let result = self.visit(&one.result);
        self.scope.truncate(depth);
        result
    }

    fn call(&mut self, call: &'a CallExpr) -> Size<'a> {
        let mut sizes = Vec::with_capacity(call.args.len() + 1);
        for one in call.target.as_deref().into_iter().chain(&call.args) {
            sizes.push(self.visit(one));
        }
        let all = sizes.iter().copied().fold(Size::one(), Size::plus);
        let [first, second, third] =
            std::array::from_fn(|index| sizes.get(index).copied().unwrap_or(Size::one()));
        self.charge(all.weight / BYTES);
        match call.func_name.as_str() {
            operators::ADD => first.plus(second),
            operators::CONDITIONAL => second.max(third),
            operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT => {
                match call.args.last().map(|one| &one.expr) {
                    Some(Expr::Literal(LiteralValue::String(name))) => first.member(name.inner()),
                    _ => Size::text(first.weight),
                }
            }
            "indexOf" | "lastIndexOf" => {
                self.charge(first.weight.saturating_mul(second.weight) / BYTES);
                Size::one()
            }
            "matches" => {
                let pattern = call.args.last().map(|one| &one.expr);
                let steps = match pattern {
                    Some(Expr::Literal(LiteralValue::String(pattern))) => regular(pattern.inner()),
                    _ => REGULAR,
                };
                self.charge(steps.saturating_mul(first.weight / BYTES + 1));
                Size::one()
            }
            "contains" | "startsWith" | "endsWith" | "size" | "int" | "uint" | "double" | "bool"
            | "hasValue" => Size::one(),
            "replace" => {
                let places = first.weight.saturating_add(1);
                Size::text(places.saturating_mul(third.weight.saturating_add(1)).saturating_add(first.weight))
            }
            "join" => Size::text(all.weight.saturating_add(first.count.saturating_mul(second.weight))),
            "split" => Size::new(
                first.weight.saturating_mul(2).saturating_add(2),
                first.weight.saturating_add(1),
                first.weight,
            ),
            // A clause has at most a hundred digits.
            "format" => {
                Size::text(first.weight.saturating_mul(128).saturating_add(second.weight.saturating_mul(8)))
            }
            "quote" => Size::text(all.weight.saturating_mul(8)),
            "string" | "type" => Size::text(all.weight.saturating_add(64)),
            "lowerAscii" | "upperAscii" | "trim" | "substring" | "charAt" | "reverse" | "extract"
            | "bytes" | "dyn" => Size::text(all.weight),
            "of" | "ofNonZeroValue" | "value" | "or" | "orValue" => all,
            // What is left of the operators results in a truth value or in a number.
            name if !name.starts_with(|first: char| first.is_ascii_alphabetic()) => Size::one(),
            _ => Size::text(all.weight.saturating_mul(2).saturating_add(64)),
        }
    }
}

/// The steps of a regular expression, whose repetitions are written out before it is matched.
fn regular(pattern: &str) -> u64 {
    let mut size = 1 + pattern.len() as u64;
    for part in pattern.split('{').skip(1) {
        let numbers = part.split('}').next().unwrap_or_default().split(',');
        let largest = numbers.filter_map(|number| number.trim().parse::<u64>().ok()).max();
        size = size.saturating_mul(largest.unwrap_or(1).max(1));
    }
    size.saturating_mul(64).min(REGULAR)
}
