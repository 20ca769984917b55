//! A guard's rules as `nft` writes them: for people, and for whoever wants to load them by hand.

use std::fmt::Write;

use netkernel::nftables::{Base, Element, Field, Match, Rule, Statement, Test, Verdict};

use super::compile::Chain;
use super::ledger::{DROPPED, DROPPED_KEYS};
use super::owned::Owned;

/// The table with these chains, the first of which is the base chain at the ingress of `device`, and with what they look up.
pub(super) fn text(table: &str, chains: &[Chain], owned: &Owned, device: &str, priority: i32) -> String {
    let mut out = format!("table netdev {table} {{\n");
    let keys = DROPPED_KEYS.map(|(word, _)| word).join(" . ");
    let _ = writeln!(out, "\tset {DROPPED} {{\n\t\ttype {keys}\n\t\tflags dynamic\n\t}}");
    out.push_str(&owned.text(device));
    // A chain must be written before a `goto` to it.
    for chain in chains.iter().rev() {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "\tchain {} {{", chain.name);
        if chains.first().is_some_and(|base| base.name == chain.name) {
            let _ = writeln!(
                out,
                "\t\ttype filter hook ingress device \"{device}\" priority {priority}; policy drop;"
            );
        }
        for rule in &chain.rules {
            let _ = writeln!(out, "\t\t{}", rule_text(rule));
        }
        out.push_str("\t}\n");
    }
    out.push_str("}\n");
    out
}

fn rule_text(rule: &Rule) -> String {
    let mut words: Vec<String> = rule.matches.iter().map(match_text).collect();
    words.extend(rule.statements.iter().map(statement_text));
    if let Some(comment) = &rule.comment {
        words.push(format!("comment \"{comment}\""));
    }
    words.join(" ")
}

fn match_text(rule: &Match) -> String {
    // Those of the machine's byte order.
    let is_mark = rule.field == Field::Mark;
    let number = if is_mark { machine_number } else { number };
    let field = field_text(rule.field);
    if let Field::HasExtensionHeader(_) = rule.field {
        return field;
    }
    let mask = rule.mask.as_ref().map(|mask| format!(" & {}", number(mask))).unwrap_or_default();
    let test = match &rule.test {
        Test::Is(value) => number(value),
        Test::IsNot(value) => format!("!= {}", number(value)),
        Test::Within(first, last) => format!("{}-{}", number(first), number(last)),
        Test::Outside(first, last) => format!("!= {}-{}", number(first), number(last)),
        Test::OneOf(_, elements) => {
            let elements: Vec<String> = elements.iter().map(element_text).collect();
            format!("{{ {} }}", elements.join(", "))
        }
        Test::NoneOf(_, elements) => {
            let elements: Vec<String> = elements.iter().map(element_text).collect();
            format!("!= {{ {} }}", elements.join(", "))
        }
        Test::In(set) => format!("@{set}"),
        Test::NotIn(set) => format!("!= @{set}"),
    };
    format!("{field}{mask} {test}")
}

fn field_text(field: Field) -> String {
    match field {
        Field::Payload { base, offset, length } => {
            let base = match base {
                Base::Link => "ll",
                Base::Network => "nh",
                Base::Transport => "th",
            };
            format!("@{base},{},{}", offset * 8, length * 8)
        }
        Field::TransportProtocol => "meta l4proto".to_owned(),
        Field::InGroup => "meta iifgroup".to_owned(),
        Field::OutGroup => "meta oifgroup".to_owned(),
        Field::Priority => "meta priority".to_owned(),
        Field::Mark => "meta mark".to_owned(),
        // The only one that guards look for.
        Field::HasExtensionHeader(_) => "exthdr frag exists".to_owned(),
        Field::NetworkFamily => "meta nfproto".to_owned(),
        Field::InputLink => "meta iifname".to_owned(),
        Field::OutputLink => "meta oifname".to_owned(),
        Field::SourceRoute => "fib saddr type".to_owned(),
        Field::DestinationRoute => "fib daddr type".to_owned(),
        Field::DestinationLink => "fib daddr oifname".to_owned(),
        Field::TrackingState => "ct state".to_owned(),
        Field::TrackingStatus => "ct status".to_owned(),
        Field::Joined(fields) => fields_text(fields),
    }
}

pub(super) fn fields_text(fields: &[Field]) -> String {
    fields.iter().map(|field| field_text(*field)).collect::<Vec<_>>().join(" . ")
}

fn element_text(element: &Element) -> String {
    match &element.last {
        Some(last) if *last != element.first => format!("{}-{}", number(&element.first), number(last)),
        _ => number(&element.first),
    }
}

pub(super) fn number(bytes: &[u8]) -> String {
    let mut text = String::from("0x");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A number in the machine's byte order.
fn machine_number(bytes: &[u8]) -> String {
    let value = bytes.first_chunk().copied().map(u32::from_ne_bytes).unwrap_or_default();
    format!("{value:#010x}")
}

fn statement_text(statement: &Statement) -> String {
    match statement {
        Statement::Count => "counter".into(),
        Statement::CountIn { set, key } => {
            format!("update @{set} {{ {} counter }}", fields_text(key))
        }
        Statement::DoNotTrack => "notrack".into(),
        Statement::SetMark(mark) => format!("meta mark set {mark:#010x}"),
        Statement::SetPriority(priority) => {
            format!("meta priority set {:x}:{:x}", priority >> 16, priority & 0xffff)
        }
        Statement::Limit { per_second, burst } => {
            format!("limit rate {per_second}/second burst {burst} packets")
        }
        Statement::Masquerade => "masquerade".into(),
        Statement::Redirect { map, .. } => format!("dnat to @{map}"),
        Statement::Log(prefix) => format!("log prefix \"{prefix}\""),
        Statement::Verdict(verdict) => match verdict {
            Verdict::Accept => "accept".into(),
            Verdict::Drop => "drop".into(),
            Verdict::Jump(chain) => format!("jump {chain}"),
            Verdict::Goto(chain) => format!("goto {chain}"),
            Verdict::Return => "return".into(),
        },
    }
}
