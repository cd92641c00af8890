//! The payload tables of `journal-format.md` are those of the structs, field for field.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use dormouse::model::event::{Event, KINDS, ReadPayload};
use dormouse::model::name::{Identity, Personality, Runtime};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_reflection::{ContainerFormat, Format, Registry, Samples, Tracer, TracerConfig, VariantFormat};

const DOCUMENT: &str = include_str!("../journal-format.md");
const BEGIN: &str = "<!-- payloads: begin -->\n";
const END: &str = "<!-- payloads: end -->";

/// Traces the payload of one kind, and says its name.
struct Trace<'a> {
    tracer: &'a mut Tracer,
    samples: &'a Samples,
}

impl ReadPayload for Trace<'_> {
    type Error = serde_reflection::Error;

    /// No event is made: that this ends in an error with the type's name is all that is wanted of it.
    fn read<T: DeserializeOwned>(self) -> Result<T, Self::Error> {
        self.tracer.trace_type::<T>(self.samples)?;
        Err(serde_reflection::Error::Custom(std::any::type_name::<T>().rsplit("::").next().unwrap().to_owned()))
    }
}

fn sample<T: Serialize>(tracer: &mut Tracer, samples: &mut Samples, value: &T) {
    tracer.trace_value(samples, value).unwrap();
}

/// The type of each kind's payload, and every type.
fn traced() -> (BTreeMap<u16, String>, Registry) {
    let mut tracer = Tracer::new(TracerConfig::default().is_human_readable(false));
    let mut samples = Samples::new();
    let identity: Identity = "claude-ada".parse().unwrap();
    sample::<Runtime>(&mut tracer, &mut samples, &identity.runtime);
    sample::<Personality>(&mut tracer, &mut samples, &identity.personality);
    let mut types = BTreeMap::new();
    for kind in KINDS {
        let traced = Event::read(kind.number, Trace { tracer: &mut tracer, samples: &samples }).unwrap();
        let Err(serde_reflection::Error::Custom(name)) = traced else { panic!("{}: {traced:?}", kind.name) };
        types.insert(kind.number, name);
    }
    (types, tracer.registry().unwrap())
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
        ContainerFormat::UnitStruct => writeln!(out, "| `{name}` | |").unwrap(),
        ContainerFormat::Struct(named) => writeln!(out, "| `{name}` | {} |", fields(named)).unwrap(),
        ContainerFormat::NewTypeStruct(inner) => writeln!(out, "| `{name}` | = {} |", format(inner)).unwrap(),
        ContainerFormat::TupleStruct(_) => panic!("{name} is a tuple: say in the document how it is shown first"),
        ContainerFormat::Enum(variants) => {
            for (index, variant) in variants {
                let says = match &variant.value {
                    VariantFormat::Unit => String::new(),
                    VariantFormat::NewType(inner) => format!("= {}", format(inner)),
                    VariantFormat::Struct(named) => fields(named),
                    other => panic!("{name}: {other:?}"),
                };
                writeln!(out, "| `{name}` {index} `{}` | {says} |", variant.name).unwrap();
            }
        }
    }
}

fn tables() -> String {
    let (types, registry) = traced();
    let mut out = String::from("\n### payloads\n\n| kind | fields |\n| --- | --- |\n");
    for kind in KINDS {
        row(&mut out, kind.name, &registry[&types[&kind.number]]);
    }
    out.push_str("\n### types\n\n| type | fields |\n| --- | --- |\n");
    for (name, container) in registry.iter().filter(|(name, _)| !types.values().any(|payload| payload == *name)) {
        row(&mut out, name, container);
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
