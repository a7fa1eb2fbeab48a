//! Whatever a Program says, it is refused with a typed error, or it runs within its memory. A panic
//! anywhere fails these tests; run under AddressSanitizer, so does every access out of bounds.

use crate::support::model::ModelFile;
use crate::support::{load, tiny};
use dllama_engine::program::{CacheType, ValidProgram, WireType};
use dllama_engine::{Row, RowClass, Want};
use proptest::prelude::*;
use serde_json::Value;

/// Numbers that are likely to be wrong somewhere, most of them small enough to be right elsewhere.
fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => (0u64..70).prop_map(Value::from),
        1 => prop::sample::select(vec![
            255u64, 4096, 1 << 24, (1 << 24) + 1, 1 << 31, u64::from(u32::MAX), 1 << 53, u64::MAX,
        ]).prop_map(Value::from),
        1 => prop::sample::select(vec![-1.0, 0.5, 1e-30, 1e30, 1e300]).prop_map(Value::from),
    ]
}

/// What is done to one place of a Program's JSON.
#[derive(Debug, Clone)]
enum Mutation {
    Replace(Value),
    Remove,
    Duplicate,
    SwapWithNext,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let text = prop::sample::select(vec!["q40", "q80", "f16", "f32", "all", "selected", "rope"]);
    prop_oneof![
        6 => number().prop_map(Mutation::Replace),
        2 => text.prop_map(|text| Mutation::Replace(text.into())),
        1 => Just(Mutation::Replace(Value::Null)),
        1 => Just(Mutation::Remove),
        1 => Just(Mutation::Duplicate),
        1 => Just(Mutation::SwapWithNext),
    ]
}

/// Applies a mutation at a place chosen by `path`, an index into the children at each level.
fn mutate(value: &mut Value, path: &[prop::sample::Index], mutation: &Mutation) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            let index = first.index(items.len());
            let next = (index + 1) % items.len();
            match (rest.is_empty() || !is_container(&items[index]), mutation) {
                (false, _) => mutate(&mut items[index], rest, mutation),
                (true, Mutation::Replace(new)) => items[index] = new.clone(),
                (true, Mutation::Remove) => drop(items.remove(index)),
                (true, Mutation::Duplicate) => items.insert(index, items[index].clone()),
                (true, Mutation::SwapWithNext) => items.swap(index, next),
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            let name = fields.keys().nth(first.index(fields.len())).cloned();
            let name = name.expect("an index below the length");
            match (rest.is_empty() || !is_container(&fields[&name]), mutation) {
                (false, _) => mutate(&mut fields[&name], rest, mutation),
                (true, Mutation::Replace(new)) => fields[&name] = new.clone(),
                (true, Mutation::Remove) => drop(fields.remove(&name)),
                (true, _) => drop(fields.insert(name + "2", Value::Null)),
            }
        }
        _ => {}
    }
}

fn is_container(value: &Value) -> bool {
    value.is_array() || value.is_object()
}

fn any_row() -> impl Strategy<Value = Row> {
    let want = prop::sample::select(vec![Want::None, Want::Candidates, Want::Full]);
    let temperature = prop::sample::select(vec![0.0, 0.8, 1e-30, -1.0, f32::NAN]);
    let place = (0..tiny::VOCAB + 2, 0u32..4, 0u32..3);
    (place, want, temperature).prop_map(|((token, position, sequence), want, temperature)| Row {
        token,
        position,
        sequence,
        want,
        temperature,
    })
}

/// Loads and runs what is accepted. Errors are typed by the signature; anything else is a panic.
fn exercise(file: &ModelFile, text: &str, forwards: &[Vec<Row>]) -> bool {
    let Ok(root) = load(file, text, 2) else {
        return false;
    };
    for (index, rows) in forwards.iter().enumerate() {
        // An error of a row leaves the engine as it was, any other ends it: both are fine here.
        let _ = root.forward(RowClass::Exact, rows.clone());
        let _ = root.full_row(index as u32);
    }
    true
}

fn forwards() -> impl Strategy<Value = Vec<Vec<Row>>> {
    prop::collection::vec(prop::collection::vec(any_row(), 0..8), 1..4)
}

#[test]
fn the_program_that_is_mutated_runs() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 1);
    let rows = vec![vec![crate::support::row(3, 0), crate::support::row(4, 1)]];
    assert!(exercise(&file, &tiny::json(&tiny::alone()), &rows));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    #[test]
    fn mutated_programs_are_refused_or_run(
        caches in prop::sample::select(vec![CacheType::F16, CacheType::Q80, CacheType::F32]),
        places in prop::collection::vec(
            (prop::collection::vec(any::<prop::sample::Index>(), 1..6), mutation()), 1..4),
        forwards in forwards(),
    ) {
        let program = tiny::program(0, 1, WireType::F32, caches);
        let mut value = serde_json::to_value(&program).expect("a program is JSON");
        for (path, mutation) in &places {
            mutate(&mut value, path, mutation);
        }
        let file = ModelFile::of_floats(tiny::N_FLOATS, 2);
        exercise(&file, &value.to_string(), &forwards);
    }

    /// Weights of random bytes: scales may be NaN or infinite, quants anything.
    #[test]
    fn any_weights_are_computed_with(
        bytes in prop::collection::vec(any::<u8>(), 4096),
        types in prop::collection::vec(prop::sample::select(vec!["q40", "q80", "f16", "f32"]), 30),
        forwards in forwards(),
    ) {
        let mut value = serde_json::to_value(tiny::alone()).expect("a program is JSON");
        let weights = value["weights"].as_array_mut().expect("a list");
        for (weight, float_type) in weights.iter_mut().zip(types) {
            let whole_blocks = weight["cols"] == 32 && weight["source"]["cols"] == 32;
            if whole_blocks && weight["rows"] != 1 {
                weight["floatType"] = float_type.into();
            }
        }
        let wire = value["weights"][0]["floatType"].clone();
        value["steps"][0]["op"]["wire"] = wire;
        let file = ModelFile::new(&bytes.repeat(4 * tiny::N_FLOATS / bytes.len() + 1));
        prop_assert!(exercise(&file, &value.to_string(), &forwards), "it is a valid program");
    }

    #[test]
    fn any_bytes_are_refused_as_a_program(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(ValidProgram::parse(&bytes).is_err());
    }

    #[test]
    fn a_cut_program_is_refused(at in any::<prop::sample::Index>()) {
        let text = tiny::json(&tiny::alone());
        let cut = at.index(text.len());
        prop_assert!(ValidProgram::parse(&text.as_bytes()[..cut]).is_err());
    }
}
