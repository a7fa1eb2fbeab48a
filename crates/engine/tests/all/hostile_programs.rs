//! Whatever a Program says, it is refused with a typed error, or it runs within its memory. A panic
//! anywhere fails these tests; run under AddressSanitizer, so does every access out of bounds.

use crate::support::model::ModelFile;
use crate::support::{load, tiny};
use dllama_engine::program::{CacheType, Op, Program, ValidProgram, Weight, WireType};
use dllama_engine::{Error, Row, RowClass, Want};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

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

/// A row that is drawn before the Program is known that it is for.
#[derive(Debug, Clone)]
struct Draw {
    token: prop::sample::Index,
    sequence: prop::sample::Index,
    /// Goes on at the sequence's end, or at a place before it.
    back: Option<prop::sample::Index>,
    want: Want,
    temperature: f32,
    lie: Option<Lie>,
}

/// What is wrong with a row.
#[derive(Debug, Clone)]
enum Lie {
    Token(u32),
    Position(u32),
    Sequence(u32),
    Temperature(f32),
    Repeat,
}

fn lie() -> impl Strategy<Value = Lie> {
    let more = || prop::sample::select(vec![0u32, 1, 7, 1 << 20, u32::MAX]);
    prop_oneof![
        more().prop_map(Lie::Token),
        more().prop_map(Lie::Position),
        more().prop_map(Lie::Sequence),
        prop::sample::select(vec![-1.0, f32::NAN, f32::INFINITY]).prop_map(Lie::Temperature),
        Just(Lie::Repeat),
    ]
}

fn draw() -> impl Strategy<Value = Draw> {
    let index = any::<prop::sample::Index>;
    let back = prop::option::weighted(0.2, index());
    let want = prop::sample::select(vec![Want::None, Want::Candidates, Want::Full]);
    let temperature = prop::sample::select(vec![0.0, 0.8, 1e-30, f32::MAX]);
    let lie = prop::option::weighted(0.03, lie());
    (index(), index(), back, want, temperature, lie).prop_map(
        |(token, sequence, back, want, temperature, lie)| Draw {
            token,
            sequence,
            back,
            want,
            temperature,
            lie,
        },
    )
}

/// A forward: its class, its rows, and whether they may be more than the Program takes.
type ForwardDraw = (RowClass, Vec<Draw>, bool);

fn forwards() -> impl Strategy<Value = Vec<ForwardDraw>> {
    let class = prop::sample::select(vec![RowClass::Fast, RowClass::Exact]);
    let forward = (
        class,
        prop::collection::vec(draw(), 1..10),
        prop::bool::weighted(0.03),
    );
    prop::collection::vec(forward, 1..5)
}

/// Rows for a Program whose sequences have `lengths`: right but for their lies.
fn rows(program: &Program, (_, draws, too_many): &ForwardDraw, lengths: &[u32]) -> Vec<Row> {
    let mut reached = lengths.to_vec();
    let mut taken = BTreeSet::new();
    let most = if *too_many {
        usize::MAX
    } else {
        program.max_tokens as usize
    };
    let mut rows: Vec<Row> = Vec::new();
    for draw in draws.iter().take(most) {
        let sequence = draw.sequence.index(program.n_sequences as usize);
        let last = reached[sequence].min(program.seq_len - 1);
        let position = match &draw.back {
            Some(back) => back.index(last as usize + 1) as u32,
            None => last,
        };
        if !taken.insert((sequence, position)) {
            continue;
        }
        reached[sequence] = position + 1;
        let mut row = Row {
            token: draw.token.index(program.vocab_size as usize) as u32,
            position,
            sequence: sequence as u32,
            want: draw.want,
            temperature: draw.temperature,
        };
        match draw.lie {
            None => {}
            Some(Lie::Token(more)) => row.token = program.vocab_size.saturating_add(more),
            Some(Lie::Position(more)) => row.position = (last + 1).saturating_add(more),
            Some(Lie::Sequence(more)) => row.sequence = program.n_sequences.saturating_add(more),
            Some(Lie::Temperature(temperature)) => row.temperature = temperature,
            Some(Lie::Repeat) => rows.push(row),
        }
        rows.push(row);
    }
    rows
}

/// How much of what was drawn was computed.
#[derive(Default)]
struct Count {
    programs: AtomicU32,
    accepted: AtomicU32,
    asked: AtomicU32,
    ran: AtomicU32,
}

impl Count {
    /// Prints it, and requires that so many in a hundred Programs were accepted, and of their forwards computed.
    fn require(&self, what: &str, accepted_percent: u32, ran_percent: u32) {
        let all = [&self.programs, &self.accepted, &self.asked, &self.ran];
        let [programs, accepted, asked, ran] = all.map(|count| count.load(Relaxed));
        println!(
            "{what}: {accepted} of {programs} Programs were accepted, {ran} of their {asked} forwards ran"
        );
        assert!(
            accepted * 100 >= programs * accepted_percent,
            "too few Programs"
        );
        assert!(ran * 100 >= asked * ran_percent, "too few forwards");
    }

    /// Loads and runs what is accepted. Errors are typed by the signature; anything else is a panic.
    fn exercise(&self, file: &ModelFile, text: &str, forwards: &[ForwardDraw]) -> bool {
        self.programs.fetch_add(1, Relaxed);
        let Ok(root) = load(file, text, 2) else {
            return false;
        };
        self.accepted.fetch_add(1, Relaxed);
        let program = ValidProgram::parse(text.as_bytes()).expect("it was accepted");
        let mut lengths = vec![0; program.n_sequences as usize];
        for (index, forward) in forwards.iter().enumerate() {
            let rows = rows(&program, forward, &lengths);
            self.asked.fetch_add(1, Relaxed);
            match root.forward(forward.0, rows.clone()) {
                Ok(report) => {
                    self.ran.fetch_add(1, Relaxed);
                    let wanted = rows.iter().filter(|row| row.want != Want::None).count();
                    assert_eq!(report.rows.len(), wanted);
                    for row in rows {
                        lengths[row.sequence as usize] = row.position + 1;
                    }
                    for failed in report.failures {
                        let length = &mut lengths[failed.sequence as usize];
                        *length = failed.position.min(*length);
                    }
                }
                // The engine is as it was.
                Err(Error::Row { .. } | Error::Forward { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            // One row or another of the last forward, or none.
            match root.full_row(index as u32) {
                Ok(row) => assert_eq!(row.len(), program.vocab_size as usize),
                Err(error) => assert_eq!(error.code(), "INVALID_ARGUMENT", "{error}"),
            }
        }
        true
    }
}

/// So many cases; `PROPTEST_CASES` asks for more.
fn runner(cases: u32) -> TestRunner {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    let cases = wanted.and_then(|n| n.parse().ok()).unwrap_or(cases);
    TestRunner::new(ProptestConfig {
        // A case that has failed becomes a test of its own.
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    })
}

#[test]
fn mutated_programs_are_refused_or_run() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 2);
    let caches = prop::sample::select(vec![CacheType::F16, CacheType::Q80, CacheType::F32]);
    let place = prop::collection::vec(any::<prop::sample::Index>(), 1..6);
    let places = prop::collection::vec((place, mutation()), 0..4);
    let count = Count::default();
    let cases = (caches, places, forwards());
    let result = runner(6000).run(&cases, |(caches, places, forwards)| {
        let program = tiny::program(0, 1, WireType::F32, caches);
        let mut value = serde_json::to_value(&program).expect("a program is JSON");
        for (path, mutation) in &places {
            mutate(&mut value, path, mutation);
        }
        count.exercise(&file, &value.to_string(), &forwards);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    count.require("mutated", 10, 70);
}

/// Sizes of a model that fit together, some of them zero or odd.
#[derive(Debug, Clone)]
struct Shape {
    dim: u32,
    hidden: u32,
    n_heads: u32,
    head_dim: u32,
    group_size: u32,
    first_in_group: u32,
    vocab: u32,
    k: u32,
    seq_len: u32,
    n_sequences: u32,
    max_tokens: u32,
    cache: CacheType,
}

fn shape() -> impl Strategy<Value = Shape> {
    let caches = vec![CacheType::F16, CacheType::Q80, CacheType::F32];
    let group = prop_oneof![3 => 1u32..5, 1 => 60u32..200];
    let heads = (0u32..8, 1u32..20, group, any::<prop::sample::Index>());
    let sizes = (1u32..65, 0u32..70, 1u32..90, 1u32..100);
    let rows = (1u32..40, 1u32..4, 1u32..9);
    (heads, sizes, rows, prop::sample::select(caches)).prop_map(
        |((n_heads, half_dim, group_size, place), sizes, rows, cache)| {
            let (dim, hidden, vocab, k) = sizes;
            let (seq_len, n_sequences, max_tokens) = rows;
            Shape {
                dim,
                hidden,
                n_heads,
                head_dim: if cache == CacheType::Q80 {
                    32
                } else {
                    2 * half_dim
                },
                group_size,
                first_in_group: place.index(group_size as usize) as u32,
                vocab,
                k,
                seq_len,
                n_sequences,
                max_tokens,
                cache,
            }
        },
    )
}

impl Shape {
    fn n_kv_heads(&self) -> u32 {
        match self.n_heads {
            0 => 0,
            n => (self.first_in_group + n).div_ceil(self.group_size),
        }
    }

    /// The tiny Program with other sizes; all weights lie at the file's beginning.
    fn program(&self) -> Program {
        let mut program = tiny::program(0, 1, WireType::F32, self.cache);
        program.vocab_size = self.vocab;
        program.seq_len = self.seq_len;
        program.n_sequences = self.n_sequences;
        program.max_tokens = self.max_tokens;
        let (q, kv) = (
            self.n_heads * self.head_dim,
            self.n_kv_heads() * self.head_dim,
        );
        let pairs = 0..self.head_dim / 2;
        program.ropes[0].frequencies = pairs.map(|pair| 1.0 / f64::from(pair + 1)).collect();
        for cache in &mut program.kv_caches {
            (cache.n_kv_heads, cache.head_dim) = (self.n_kv_heads(), self.head_dim);
        }
        for buffer in &mut program.buffers {
            buffer.width = match buffer.name.as_str() {
                "q" | "attended" => q,
                "k" | "v" => kv,
                "gate" | "up" | "u" => self.hidden,
                "logits" => self.vocab,
                _ => self.dim,
            };
        }
        for weight in &mut program.weights {
            let (rows, cols) = match weight.name.as_str() {
                "embedding" | "output" => (self.vocab, self.dim),
                "q" => (q, self.dim),
                "k" | "v" => (kv, self.dim),
                "o" => (self.dim, q),
                "gate" | "up" => (self.hidden, self.dim),
                "down" => (self.dim, self.hidden),
                _ => (1, self.dim),
            };
            resize(weight, rows, cols);
        }
        for step in &mut program.steps {
            match &mut step.op {
                Op::Attention {
                    group_size,
                    first_in_group,
                    ..
                } => (*group_size, *first_in_group) = (self.group_size, self.first_in_group),
                Op::Candidates { vocab_split, k, .. } => {
                    (*vocab_split, *k) = (vec![self.vocab], self.k);
                }
                _ => {}
            }
        }
        program
    }
}

fn resize(weight: &mut Weight, rows: u32, cols: u32) {
    (weight.rows, weight.cols) = (rows, cols);
    (weight.source.rows, weight.source.cols) = (rows, cols);
    weight.source.offset = 0;
}

#[test]
fn programs_whose_sizes_fit_together_run() {
    let file = ModelFile::of_floats(2 * tiny::N_FLOATS, 4);
    let count = Count::default();
    let result = runner(1500).run(&(shape(), forwards()), |(shape, forwards)| {
        let text = tiny::json(&shape.program());
        if let Err(error) = ValidProgram::parse(text.as_bytes()) {
            return Err(TestCaseError::fail(error.to_string()));
        }
        prop_assert!(
            count.exercise(&file, &text, &forwards),
            "it is a valid program"
        );
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    count.require("of other sizes", 100, 70);
}

/// Weights of random bytes: scales may be NaN or infinite, quants anything.
#[test]
fn any_weights_are_computed_with() {
    let bytes = prop::collection::vec(any::<u8>(), 4096);
    let names = prop::sample::select(vec!["q40", "q80", "f16", "f32"]);
    let types = prop::collection::vec(names, 30);
    let count = Count::default();
    let cases = (bytes, types, forwards());
    let result = runner(1500).run(&cases, |(bytes, types, forwards)| {
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
        let is_accepted = count.exercise(&file, &value.to_string(), &forwards);
        prop_assert!(is_accepted, "it is a valid program");
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    count.require("of any weights", 100, 70);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

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
