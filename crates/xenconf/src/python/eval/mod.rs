//! Works out the values of a file's variables without running it: assignments, arithmetic, string formatting,
//! and the few ways in which Xen's own example files compute their values. There are no loops, no side
//! effects and a limit on the work, so every file comes to an end.

mod call;
mod declared;
mod expression;
mod format;
mod methods;
mod operator;
mod reason;

use std::collections::HashMap;

use super::ast::{Expression, ExpressionKind, Operator, Statement, StatementKind};
use super::{Host, statement};
use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::source::Span;
use crate::text::Text;
use crate::value::{Reason, Setting, Settings, Value, ValueKind};

/// How many values and characters a file may make before it is taken for an attack.
const BUDGET: usize = 4 << 20;
/// How deep functions may call each other.
const MAX_CALLS: usize = 8;

/// What a name stands for.
#[derive(Clone, Debug)]
enum Binding<'p> {
    Value(Value),
    /// A module, or something in one, by its dotted name: `os.uname`.
    Path(String),
    Function(&'p [String], &'p [Statement]),
}

struct Variable<'p> {
    binding: Binding<'p>,
    span: Span,
    /// True when something used the value since it was assigned.
    read: bool,
    /// When it was first assigned, for the order of the settings.
    order: usize,
}

type Scope<'p> = HashMap<String, Variable<'p>>;

/// Where the statements go on after one of them.
enum Flow<'p> {
    Next,
    Return(Binding<'p>),
    /// The file stops by itself.
    Raise,
}

struct Evaluator<'p, 'd> {
    /// The file, for what a word looks like as it is written.
    text: &'p str,
    /// The innermost scope is the last; the first is the file's.
    scopes: Vec<Scope<'p>>,
    host: &'p Host,
    diagnostics: &'d mut Diagnostics,
    /// What made values unknown, told at the end, when it is clear whether it matters.
    reasons: Vec<Diagnostic>,
    /// Names that were said to be undefined.
    undefined: HashMap<String, Reason>,
    /// Variables declared with `xm_vars.var`, with their check.
    declared: Vec<(Text, Option<Binding<'p>>)>,
    /// True inside `if` and `try`, where a second assignment is no mistake.
    conditional: bool,
    budget: usize,
}

/// The variables of a file at its end. `is_setting` tells which names mean something to xm.
pub(super) fn evaluate(
    text: &str,
    statements: &[Statement],
    predefined: Vec<Setting>,
    host: &Host,
    is_setting: fn(&str) -> bool,
    diagnostics: &mut Diagnostics,
) -> Settings {
    let mut scope = Scope::new();
    for setting in predefined {
        let binding = Binding::Value(setting.value);
        scope.insert(
            setting.name,
            Variable { binding, span: setting.name_span, read: true, order: usize::MAX },
        );
    }
    for module in ["os", "sys", "xm_vars"] {
        let binding = Binding::Path(module.to_owned());
        let variable = Variable { binding, span: Span::default(), read: true, order: usize::MAX };
        scope.entry(module.to_owned()).or_insert(variable);
    }
    let mut evaluator = Evaluator {
        text,
        scopes: vec![scope],
        host,
        diagnostics,
        reasons: Vec::new(),
        undefined: HashMap::new(),
        declared: Vec::new(),
        conditional: false,
        budget: BUDGET,
    };
    evaluator.block(statements);
    evaluator.finish(is_setting)
}

impl<'p> Evaluator<'p, '_> {
    fn block(&mut self, statements: &'p [Statement]) -> Flow<'p> {
        for statement in statements {
            if self.spend(1, statement.span).is_none() {
                return Flow::Raise;
            }
            match self.statement(statement) {
                Flow::Next => {}
                other => return other,
            }
        }
        Flow::Next
    }

    fn statement(&mut self, statement: &'p Statement) -> Flow<'p> {
        match &statement.kind {
            StatementKind::Assign(targets, value) => {
                let value = self.evaluate(value);
                for target in targets {
                    self.assign(target, value.clone());
                }
            }
            StatementKind::Augment(target, operator, value) => {
                self.augment(target, *operator, value, statement.span);
            }
            StatementKind::Expression(expression) => self.expression_statement(expression),
            StatementKind::If(branches, otherwise) => return self.branch(branches, otherwise),
            StatementKind::Try { body, handlers, finally } => return self.attempt(body, handlers, finally),
            StatementKind::Define { name, parameters, body } => {
                self.bind(name, statement.span, Binding::Function(parameters, body));
            }
            StatementKind::Import(names) => {
                for (name, path) in names {
                    self.bind(name, statement.span, Binding::Path(path.clone()));
                }
            }
            StatementKind::Return(value) => {
                let value = value.as_ref().map_or_else(
                    || Binding::Value(Value::new(ValueKind::None, statement.span)),
                    |value| self.binding(value),
                );
                return Flow::Return(value);
            }
            StatementKind::Raise => {
                self.raised(statement.span);
                return Flow::Raise;
            }
            StatementKind::Delete(names) => {
                for name in names {
                    self.scope().remove(name);
                }
            }
            StatementKind::Nothing => {}
            StatementKind::Code { keyword, head, names } => self.code(keyword, *head, names),
            StatementKind::Broken(names) => {
                let reason = self.already_reported();
                self.forget(names, statement.span, reason);
            }
        }
        Flow::Next
    }

    fn scope(&mut self) -> &mut Scope<'p> {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::new());
        }
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    fn bind(&mut self, name: &str, span: Span, binding: Binding<'p>) {
        let order = self.scope().len();
        let at_top = self.scopes.len() == 1 && !self.conditional;
        match self.scope().get_mut(name) {
            Some(variable) => {
                let first = std::mem::replace(&mut variable.span, span);
                let forgotten = !std::mem::replace(&mut variable.read, false);
                variable.binding = binding;
                if variable.order == usize::MAX {
                    variable.order = order;
                }
                if forgotten && at_top {
                    self.diagnostics.push(assigned_twice(name, first, span));
                }
            }
            None => {
                self.scope().insert(name.to_owned(), Variable { binding, span, read: false, order });
            }
        }
    }

    fn assign(&mut self, target: &'p Expression, value: Binding<'p>) {
        match (&target.kind, value) {
            (ExpressionKind::Name(name), value) => self.bind(name, target.span, value),
            (ExpressionKind::Tuple(targets) | ExpressionKind::List(targets), Binding::Value(value)) => {
                match value.items() {
                    Some(items) if items.len() == targets.len() => {
                        for (target, item) in targets.iter().zip(items) {
                            self.assign(target, Binding::Value(item.clone()));
                        }
                    }
                    _ => {
                        let reason = match value.kind {
                            ValueKind::Unknown(reason) => reason,
                            _ => self.needs_python(
                                target.span,
                                "this assignment to several names",
                                "assign each name by itself",
                            ),
                        };
                        self.forget(&statement::names_of(target), target.span, reason);
                    }
                }
            }
            (ExpressionKind::Postfix(..), _) => {
                let names = statement::names_of(target);
                if names.iter().any(|name| self.is_value(name)) {
                    let reason = self.needs_python(
                        target.span,
                        "changing a part of a value",
                        "write the whole value in one place",
                    );
                    self.forget(&names, target.span, reason);
                }
            }
            _ => {}
        }
    }

    fn is_value(&self, name: &str) -> bool {
        self.scopes
            .iter()
            .rev()
            .find_map(|scope| scope.get(name))
            .is_some_and(|variable| matches!(variable.binding, Binding::Value(_)))
    }

    fn augment(&mut self, target: &'p Expression, operator: Operator, value: &'p Expression, span: Span) {
        let left = self.evaluate_value(target);
        let right = self.evaluate_value(value);
        let result = match (&left.kind, operator, &right.kind) {
            (ValueKind::List(items), Operator::Add, ValueKind::Text(text)) => {
                self.add_characters(items, text, span)
            }
            (ValueKind::List(_), Operator::Add, ValueKind::Tuple(items)) => {
                let right = Value::new(ValueKind::List(items.clone()), right.span);
                self.operate(&left, operator, &right, span)
            }
            _ => self.operate(&left, operator, &right, span),
        };
        self.assign(target, Binding::Value(result));
    }

    /// `list += 'text'` adds each character of the text to the list, which is never what was meant.
    fn add_characters(&mut self, items: &[Value], text: &Text, span: Span) -> Value {
        self.diagnostics.push(
            Diagnostic::new(
                &kinds::PY_CHARACTERS,
                text.span(),
                "adding a string to a list adds each of its characters",
            )
            .note("Python takes the string apart, and xm ends with an error at its first character")
            .help("put square brackets round the string: `+= ['…']`"),
        );
        let meant = Value::new(ValueKind::Text(text.clone()), text.span());
        Value::new(ValueKind::List(items.iter().cloned().chain([meant]).collect()), span)
    }

    /// A call that stands alone: a declaration of `xm_vars`, an addition to a list, or something that only
    /// running the file would do.
    fn expression_statement(&mut self, expression: &'p Expression) {
        if self.method_statement(expression) {
            return;
        }
        let before = self.reasons.len();
        self.evaluate(expression);
        for reason in self.reasons.iter_mut().skip(before) {
            reason.notes.push("the call was not made: a configuration is read here, not run".to_owned());
        }
    }

    fn branch(
        &mut self,
        branches: &'p [(Expression, Vec<Statement>)],
        otherwise: &'p [Statement],
    ) -> Flow<'p> {
        for (index, (condition, block)) in branches.iter().enumerate() {
            let value = self.evaluate_value(condition);
            match operator::truth(&value) {
                Some(true) => return self.conditionally(block),
                Some(false) => {}
                None => {
                    let reason = match value.kind {
                        ValueKind::Unknown(reason) => reason,
                        _ => self.needs_python(
                            condition.span,
                            "this condition",
                            "write the values for this host without `if`",
                        ),
                    };
                    let blocks = branches.iter().skip(index).map(|(_, block)| block.as_slice());
                    for block in blocks.chain([otherwise]) {
                        let names = assigned_names(block);
                        self.forget(&names, condition.span, reason);
                    }
                    return Flow::Next;
                }
            }
        }
        self.conditionally(otherwise)
    }

    fn conditionally(&mut self, block: &'p [Statement]) -> Flow<'p> {
        let before = std::mem::replace(&mut self.conditional, true);
        let flow = self.block(block);
        self.conditional = before;
        flow
    }

    /// `try` in a configuration guards a conversion such as `int(vmid)`. Its `except` is not for us: what it
    /// would catch is reported where it happens.
    fn attempt(
        &mut self,
        body: &'p [Statement],
        handlers: &'p [Vec<Statement>],
        finally: &'p [Statement],
    ) -> Flow<'p> {
        let before = self.reasons.len();
        let flow = self.conditionally(body);
        if self.reasons.len() > before {
            let reason = Reason(before);
            for handler in handlers {
                let names = assigned_names(handler);
                self.forget(&names, Span::default(), reason);
            }
        }
        match flow {
            Flow::Next => self.conditionally(finally),
            other => other,
        }
    }

    /// The file says itself that it cannot be used like this.
    fn raised(&mut self, span: Span) {
        self.diagnostics.push(
            Diagnostic::new(
                &kinds::PY_RAISED,
                span,
                "the file stops here by itself: its variables have values that it refuses",
            )
            .note("xm ends with this error, and no domain is created")
            .help("give the variables values that pass the file's own check: --var NAME=VALUE"),
        );
    }

    fn forget(&mut self, names: &[String], span: Span, reason: Reason) {
        let before = std::mem::replace(&mut self.conditional, true);
        for name in names {
            self.bind(name, span, Binding::Value(Value::new(ValueKind::Unknown(reason), span)));
        }
        self.conditional = before;
    }

    /// Takes from the budget; `None` when it is used up.
    fn spend(&mut self, cost: usize, span: Span) -> Option<()> {
        if cost <= self.budget {
            self.budget -= cost;
            return Some(());
        }
        if self.budget > 0 {
            self.budget = 0;
            self.diagnostics.push(
                Diagnostic::new(&kinds::PY_TOO_MUCH, span, "the values of this file grow without end")
                    .note("reading stops to compute here"),
            );
        }
        None
    }
}

/// The names that a block assigns, its inner blocks among them.
fn assigned_names(block: &[Statement]) -> Vec<String> {
    let mut names = Vec::new();
    for statement in block {
        match &statement.kind {
            StatementKind::Assign(targets, _) => names.extend(targets.iter().flat_map(statement::names_of)),
            StatementKind::Augment(target, ..) => names.extend(statement::names_of(target)),
            StatementKind::Expression(Expression { kind: ExpressionKind::Postfix(base, _), .. }) => {
                names.extend(statement::names_of(base));
            }
            StatementKind::If(branches, otherwise) => {
                names.extend(branches.iter().flat_map(|(_, block)| assigned_names(block)));
                names.extend(assigned_names(otherwise));
            }
            StatementKind::Try { body, handlers, finally } => {
                names.extend(assigned_names(body));
                names.extend(handlers.iter().flat_map(|block| assigned_names(block)));
                names.extend(assigned_names(finally));
            }
            StatementKind::Code { names: inner, .. } | StatementKind::Broken(inner) => {
                names.extend_from_slice(inner);
            }
            _ => {}
        }
    }
    names
}

fn assigned_twice(name: &str, first: Span, second: Span) -> Diagnostic {
    Diagnostic::new(&kinds::ASSIGNED_TWICE, second, format!("`{name}` is set twice"))
        .label("this one counts")
        .related(first, "this one is lost")
        .help("keep one of the two")
}
