//! The payload tables of `journal-format.md` are those of the structs, field for field.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use dormouse::model::actor::Sender;
use dormouse::model::delivery::{DeliveryOutcome, DeliveryStep, Gate, Proof, Settlement};
use dormouse::model::event::{
    DeadlineKind, Event, KINDS, KeptBecause, ReadPayload, Recipient, RetentionReason, RuntimeKind, TurnSeen,
    VerbOutcome, WakePhase,
};
use dormouse::model::profile::{Intelligence, WakePolicy};
use dormouse::model::session::{
    ArmedBy, Ending, ReapReason, Source, TaskEnd, Turn, TypedVerb, WakeBranch, WakeGate, WakeMode, WakeReason,
};
use dormouse::model::settings::SettingPlace;
use serde::de::DeserializeOwned;
use serde_reflection::{ContainerFormat, Format, Registry, Samples, Tracer, TracerConfig, VariantFormat};

const DOCUMENT: &str = include_str!("../journal-format.md");
const BEGIN: &str = "<!-- payloads: begin -->\n";
const END: &str = "<!-- payloads: end -->";

/// Texts that names are tried with: the one is an identity, the other a runtime.
const NAMES: [&str; 2] = ["claude-ada", "claude"];

/// Traces the payload of one kind: the type's name, and every type in it.
struct Trace(&'static str);

impl ReadPayload for Trace {
    type Error = Option<(String, Registry)>;

    /// Only the shape is wanted, so this ends in an "error" that carries it, or in none if the name was the wrong one.
    fn read<T: DeserializeOwned>(self) -> Result<T, Self::Error> {
        let config = TracerConfig::default().is_human_readable(false);
        let config = config.default_string_value(self.0.to_owned()).default_borrowed_str_value(self.0);
        let mut tracer = Tracer::new(config);
        let traced = tracer.trace_type::<T>(&Samples::new()).ok().and_then(|_| see_every_variant(&mut tracer));
        let name = std::any::type_name::<T>().rsplit("::").next().unwrap_or_default();
        Err(traced.map(|_| (name.to_owned(), tracer.registry().expect("every variant was seen"))))
    }
}

macro_rules! enums {
    ($($name:ident)*) => {
        /// A trace of a struct sees one variant of each enum in it; the others are asked for one by one. A new enum is
        /// named by the panic of the registry.
        fn see_every_variant(tracer: &mut Tracer) -> Option<()> {
            for _ in 0..3 {
                $(if tracer.check_incomplete_enum(stringify!($name)).is_some() {
                    tracer.trace_type::<$name>(&Samples::new()).ok()?;
                })*
            }
            Some(())
        }
    };
}

enums! {
    Sender Gate Proof DeliveryStep DeliveryOutcome Settlement WakePolicy Intelligence WakeMode WakeBranch WakeReason WakeGate
    Ending Turn Source ReapReason ArmedBy TaskEnd Recipient RuntimeKind DeadlineKind RetentionReason WakePhase TurnSeen KeptBecause
    VerbOutcome TypedVerb SettingPlace
}

/// The type of each kind's payload in each of its schemas, and every type.
fn traced() -> (BTreeMap<(u16, u8), String>, Registry) {
    let (mut types, mut registry) = (BTreeMap::new(), Registry::new());
    for (kind, schema) in KINDS.iter().flat_map(|kind| (1..=kind.schema).map(move |schema| (kind, schema))) {
        let read = |name| Event::read(kind.number, schema, Trace(name)).expect("a kind of the registry").unwrap_err();
        let (name, found) = NAMES.into_iter().find_map(read).unwrap_or_else(|| panic!("{} has no shape", kind.name));
        types.insert((kind.number, schema), name);
        registry.extend(found);
    }
    (types, registry)
}

fn format(format: &Format) -> String {
    match format {
        Format::TypeName(name) => name.clone(),
        Format::Option(inner) => format!("option of {}", self::format(inner)),
        Format::Seq(inner) => format!("list of {}", self::format(inner)),
        Format::Str => "text".to_owned(),
        Format::Bool => "bool".to_owned(),
        number => format!("{number:?}").to_lowercase(),
    }
}

fn fields(fields: &[serde_reflection::Named<Format>]) -> String {
    let fields: Vec<_> = fields.iter().map(|field| format!("{} {}", field.name, format(&field.value))).collect();
    fields.join(", ")
}

fn row(out: &mut String, name: &str, container: &ContainerFormat) {
    match container {
        ContainerFormat::UnitStruct => writeln!(out, "| {name} | |").unwrap(),
        ContainerFormat::Struct(named) => writeln!(out, "| {name} | {} |", fields(named)).unwrap(),
        ContainerFormat::NewTypeStruct(inner) => writeln!(out, "| {name} | = {} |", format(inner)).unwrap(),
        ContainerFormat::TupleStruct(_) => panic!("{name} is a tuple: say in the document how it is shown first"),
        ContainerFormat::Enum(variants) => {
            for (index, variant) in variants {
                let says = match &variant.value {
                    VariantFormat::Unit => String::new(),
                    VariantFormat::NewType(inner) => format!("= {}", format(inner)),
                    VariantFormat::Struct(named) => fields(named),
                    other => panic!("{name}: {other:?}"),
                };
                writeln!(out, "| {name} {index} `{}` | {says} |", variant.name).unwrap();
            }
        }
    }
}

fn tables() -> String {
    let (types, registry) = traced();
    let mut out = String::from("\n### payloads\n\n| kind | fields |\n| --- | --- |\n");
    for kind in KINDS {
        row(&mut out, &format!("`{}`", kind.name), &registry[&types[&(kind.number, kind.schema)]]);
        for schema in (1..kind.schema).rev() {
            let name = format!("`{}` of schema {schema}", kind.name);
            row(&mut out, &name, &registry[&types[&(kind.number, schema)]]);
        }
    }
    out.push_str("\n### types\n\n| type | fields |\n| --- | --- |\n");
    for (name, container) in registry.iter().filter(|(name, _)| !types.values().any(|payload| payload == *name)) {
        row(&mut out, &format!("`{name}`"), container);
    }
    out.push('\n');
    out
}

#[test]
fn the_document_has_the_fields_of_every_payload() {
    let (_, rest) = DOCUMENT.split_once(BEGIN).expect("the document marks where its payload tables begin");
    let (documented, _) = rest.split_once(END).expect("and where they end");
    let tables = tables();
    let made = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("payload-tables.md");
    std::fs::write(&made, &tables).unwrap();
    assert!(documented == tables, "the tables that belong there: {}", made.display());
}
