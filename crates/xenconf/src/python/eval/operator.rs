//! Operators on values, as Python 2 defines them.

use super::Evaluator;
use crate::diagnostic::{Diagnostic, kinds};
use crate::python::ast::Operator;
use crate::source::Span;
use crate::text::Builder;
use crate::value::{Value, ValueKind};

/// What a value counts as in a condition; `None` when that is unknown.
pub(super) fn truth(value: &Value) -> Option<bool> {
    Some(match &value.kind {
        ValueKind::Text(text) | ValueKind::Number(text) => !text.as_str().is_empty(),
        ValueKind::Integer(number) => *number != 0,
        ValueKind::Long(digits) => digits != "0",
        ValueKind::Float(number) => *number != 0.0,
        ValueKind::Boolean(truth) => *truth,
        ValueKind::None => false,
        ValueKind::List(items) | ValueKind::Tuple(items) => !items.is_empty(),
        ValueKind::Dictionary(items) => !items.is_empty(),
        ValueKind::Unknown(_) => return None,
    })
}

/// True when lists stand in each other more than `levels` deep.
pub(super) fn is_deeper(value: &Value, levels: usize) -> bool {
    let Some(inner) = levels.checked_sub(1) else { return true };
    match &value.kind {
        ValueKind::List(items) | ValueKind::Tuple(items) => items.iter().any(|item| is_deeper(item, inner)),
        ValueKind::Dictionary(items) => {
            items.iter().any(|(key, value)| is_deeper(key, inner) || is_deeper(value, inner))
        }
        _ => false,
    }
}

/// How much a value weighs against the budget.
pub(super) fn weight(value: &Value) -> usize {
    match &value.kind {
        ValueKind::Text(text) | ValueKind::Number(text) => 8 + text.as_str().len(),
        ValueKind::Long(digits) => 8 + digits.len(),
        ValueKind::List(items) | ValueKind::Tuple(items) => 8 + items.iter().map(weight).sum::<usize>(),
        ValueKind::Dictionary(items) => {
            8 + items.iter().map(|(key, value)| weight(key) + weight(value)).sum::<usize>()
        }
        _ => 8,
    }
}

impl Evaluator<'_, '_> {
    pub(super) fn operate(&mut self, left: &Value, operator: Operator, right: &Value, span: Span) -> Value {
        if let ValueKind::Unknown(reason) = left.kind {
            return Self::unknown(reason, span);
        }
        if let (ValueKind::Text(format), Operator::Remainder) = (&left.kind, operator) {
            return self.percent(format, right, span);
        }
        if let ValueKind::Unknown(reason) = right.kind {
            return Self::unknown(reason, span);
        }
        if let Some(truth) = compare(left, operator, right) {
            return Value::new(ValueKind::Boolean(truth), span);
        }
        if let Some(value) = self.join(left, operator, right, span) {
            return value;
        }
        if operator.is_relation() {
            // Python 2 has an order for everything, which nobody should rely on.
            return self.unworkable(span, "this comparison");
        }
        match arithmetic(left, operator, right) {
            Some(kind) => Value::new(kind, span),
            None => self.wrong_types(left, operator, right, span),
        }
    }

    /// `+` and `*` on strings and lists.
    fn join(&mut self, left: &Value, operator: Operator, right: &Value, span: Span) -> Option<Value> {
        let kind = match (operator, &left.kind, &right.kind) {
            (Operator::Add, ValueKind::Text(a), ValueKind::Text(b)) => {
                self.spend(a.as_str().len() + b.as_str().len(), span)?;
                let mut builder = Builder::new(a.span());
                builder.append(a);
                builder.append(b);
                ValueKind::Text(builder.finish())
            }
            (Operator::Add, ValueKind::List(a), ValueKind::List(b)) => {
                self.spend(weight(left) + weight(right), span)?;
                ValueKind::List(a.iter().chain(b).cloned().collect())
            }
            (Operator::Add, ValueKind::Tuple(a), ValueKind::Tuple(b)) => {
                self.spend(weight(left) + weight(right), span)?;
                ValueKind::Tuple(a.iter().chain(b).cloned().collect())
            }
            (Operator::Multiply, ValueKind::Text(_) | ValueKind::List(_) | ValueKind::Tuple(_), _)
                if whole(right).is_some() =>
            {
                self.repeat(left, right, span)?
            }
            (Operator::Multiply, _, ValueKind::Text(_) | ValueKind::List(_) | ValueKind::Tuple(_))
                if whole(left).is_some() =>
            {
                self.repeat(right, left, span)?
            }
            _ => return None,
        };
        Some(Value::new(kind, span))
    }

    fn repeat(&mut self, value: &Value, count: &Value, span: Span) -> Option<ValueKind> {
        let (count, _) = whole(count)?;
        let count = if count < 0 { 0 } else { usize::try_from(count).unwrap_or(usize::MAX) };
        self.spend(weight(value).saturating_mul(count), span)?;
        Some(if let ValueKind::Text(text) = &value.kind {
            let mut builder = Builder::new(text.span());
            for _ in 0..count {
                builder.append(text);
            }
            ValueKind::Text(builder.finish())
        } else {
            let items = value.items().unwrap_or(&[]);
            ValueKind::List(items.iter().cycle().take(items.len() * count).cloned().collect())
        })
    }

    fn wrong_types(&mut self, left: &Value, operator: Operator, right: &Value, span: Span) -> Value {
        let reason = self.already_reported();
        if self.budget > 0 {
            let mut diagnostic = Diagnostic::new(
                &kinds::PY_WRONG_TYPE,
                span,
                format!("{} and {} cannot be combined like this", left.type_name(), right.type_name()),
            )
            .note("xm stops here: TypeError");
            let mixed = matches!(
                (&left.kind, &right.kind),
                (ValueKind::Text(_), ValueKind::Integer(_)) | (ValueKind::Integer(_), ValueKind::Text(_))
            );
            if mixed && operator == Operator::Add {
                diagnostic =
                    diagnostic.help("make a string of the number with `'%d' % number` or `str(number)`");
            }
            self.diagnostics.push(diagnostic);
        }
        Self::unknown(reason, span)
    }
}

fn compare(left: &Value, operator: Operator, right: &Value) -> Option<bool> {
    let equal = || match (whole(left), whole(right), number(left), number(right)) {
        (Some((a, _)), Some((b, _)), ..) => a == b,
        (_, _, Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => left == right,
    };
    let order = match (&left.kind, &right.kind) {
        (ValueKind::Text(a), ValueKind::Text(b)) => Some(a.as_str().cmp(b.as_str())),
        _ if whole(left).is_some() && whole(right).is_some() => whole(left).partial_cmp(&whole(right)),
        _ => number(left).zip(number(right)).and_then(|(a, b)| a.partial_cmp(&b)),
    };
    Some(match operator {
        Operator::Equal | Operator::Is => equal(),
        Operator::NotEqual | Operator::IsNot => !equal(),
        Operator::Less => order?.is_lt(),
        Operator::LessOrEqual => order?.is_le(),
        Operator::Greater => order?.is_gt(),
        Operator::GreaterOrEqual => order?.is_ge(),
        Operator::In => contains(right, left)?,
        Operator::NotIn => !contains(right, left)?,
        _ => return None,
    })
}

fn contains(whole: &Value, part: &Value) -> Option<bool> {
    match (&whole.kind, &part.kind) {
        (ValueKind::Text(whole), ValueKind::Text(part)) => Some(whole.as_str().contains(part.as_str())),
        (ValueKind::List(items) | ValueKind::Tuple(items), _) => {
            items.iter().all(|item| !item.is_unknown()).then(|| items.contains(part))
        }
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "used only where Python, too, computes with a float")]
fn number(value: &Value) -> Option<f64> {
    match value.kind {
        ValueKind::Float(number) => Some(number),
        _ => whole(value).map(|(number, _)| number as f64),
    }
}

/// The number of an integer of either type, and whether it is a `long`.
pub(super) fn whole(value: &Value) -> Option<(i128, bool)> {
    match &value.kind {
        ValueKind::Integer(number) => Some((i128::from(*number), false)),
        ValueKind::Boolean(truth) => Some((i128::from(*truth), false)),
        ValueKind::Long(digits) => Some((digits.parse().ok()?, true)),
        _ => None,
    }
}

/// What does not fit a machine's integer becomes a `long`.
fn arithmetic(left: &Value, operator: Operator, right: &Value) -> Option<ValueKind> {
    if let (Some((a, a_is_long)), Some((b, b_is_long))) = (whole(left), whole(right)) {
        let number = integer_arithmetic(a, operator, b)?;
        return Some(match i64::try_from(number) {
            Ok(number) if !a_is_long && !b_is_long => ValueKind::Integer(number),
            _ => ValueKind::Long(number.to_string()),
        });
    }
    let (a, b) = (number(left)?, number(right)?);
    let result = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide if b != 0.0 => a / b,
        Operator::FloorDivide if b != 0.0 => (a / b).floor(),
        Operator::Remainder if b != 0.0 => a - b * (a / b).floor(),
        _ => return None,
    };
    Some(ValueKind::Float(result))
}

fn integer_arithmetic(a: i128, operator: Operator, b: i128) -> Option<i128> {
    let shift = u32::try_from(b).ok();
    match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide | Operator::FloorDivide => floor_divide(a, b),
        Operator::Remainder => floor_divide(a, b).map(|quotient| a.wrapping_sub(quotient.wrapping_mul(b))),
        Operator::ShiftLeft => {
            shift.and_then(|shift| a.checked_shl(shift).filter(|shifted| shifted >> shift == a))
        }
        Operator::ShiftRight => shift.map(|shift| a.checked_shr(shift).unwrap_or(if a < 0 { -1 } else { 0 })),
        Operator::And => Some(a & b),
        Operator::Or => Some(a | b),
        Operator::ExclusiveOr => Some(a ^ b),
        _ => None,
    }
}

/// Python rounds towards minus infinity.
fn floor_divide(a: i128, b: i128) -> Option<i128> {
    let quotient = a.checked_div(b)?;
    let inexact = a.checked_rem(b)? != 0;
    Some(if inexact && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
}
