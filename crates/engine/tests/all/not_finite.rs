//! Numbers that end, on one rank and on several: they cost their own sequence, from that row on, and nobody else
//! anything.

use crate::support::model::{ModelFile, floats};
use crate::support::{load_planned, load_wide, results, row, tiny, wide, worker};
use dllama_engine::program::{CacheType, Program, WireType};
use dllama_engine::{Error, NotFinite, Root, Row, RowClass, RowResult, Want, Worker};
use dllama_net::AllReduce;

/// The token that alone has something in column 0 of the residual, which nothing adds to. So a weight in that
/// column, however large, is met by this token's rows alone.
const BAD: u32 = 9;

/// A number that some type on the way cannot hold.
#[derive(Clone, Copy, Debug)]
struct Fault {
    /// The weights that are large in column 0 of one row, or the embedding's first value of the token.
    weights: &'static [&'static str],
    /// Their layer; of weights outside the layers there is one each.
    layer: usize,
    at: Place,
    value: f32,
    cache: CacheType,
    /// What the report names where the root itself has met the value.
    op: &'static str,
    op_layer: Option<u32>,
    /// Whether the KV cache holds what is no number, so that later rows of the sequence are no numbers either.
    spoils_cache: bool,
}

/// Whose rows of a weight: the root's are the first, the last rank's the last.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    First,
    Last,
}

const EMBEDDING: Fault = Fault {
    weights: &["embedding"],
    layer: 0,
    at: Place::First,
    value: f32::NAN,
    cache: CacheType::F32,
    op: "embedding",
    op_layer: None,
    spoils_cache: true,
};
const LAYER_1: Fault = Fault {
    layer: 1,
    value: f32::MAX,
    op: "matMul",
    op_layer: Some(1),
    ..EMBEDDING
};

fn faults() -> Vec<Fault> {
    let embedding =
        [f32::NAN, f32::INFINITY, f32::MIN, 1e20].map(|value| Fault { value, ..EMBEDDING });
    let at = |fault: Fault| [Place::First, Place::Last].map(|at| Fault { at, ..fault });
    // 1e30 is a number in F32 and too large for F16.
    let caches = [(CacheType::F32, f32::MAX), (CacheType::F16, 1e30)];
    let cached = |name: &'static [&'static str]| {
        let cached = move |(cache, value)| Fault {
            weights: name,
            cache,
            value,
            ..LAYER_1
        };
        caches.map(cached).into_iter().flat_map(at)
    };
    let activation = at(Fault {
        weights: &["gate", "up"],
        layer: 0,
        value: 1e30,
        op: "allReduce",
        op_layer: Some(0),
        ..EMBEDDING
    });
    // Nothing comes after it, and it is no matter of the cache.
    let logit = at(Fault {
        weights: &["output"],
        layer: 0,
        op_layer: None,
        spoils_cache: false,
        ..LAYER_1
    });
    let mut all = Vec::from(embedding);
    all.extend(cached(&["k"]));
    all.extend(cached(&["v"]));
    all.extend(activation);
    all.extend(logit);
    all
}

impl Fault {
    fn model(&self) -> ModelFile {
        let program = tiny::alone();
        let mut values = floats(tiny::N_FLOATS, 17);
        let named = |name: &str| {
            let weights = program.weights.iter();
            let found: Vec<_> = weights.filter(|weight| weight.name == name).collect();
            found
        };
        for weight in named("o").into_iter().chain(named("down")) {
            let first = weight.source.offset as usize / 4;
            values[first..first + weight.cols as usize].fill(0.0);
        }
        for weight in named("attention norm").into_iter().chain(named("ffn norm")) {
            values[weight.source.offset as usize / 4] = 0.4;
        }
        let table = named("embedding")[0].source.offset as usize / 4;
        for token in 0..tiny::VOCAB {
            let own = if token == BAD { 100.0 } else { 0.0 };
            values[table + (token * tiny::DIM) as usize] = own;
        }
        for name in self.weights {
            let weight = named(name)[self.layer];
            let row = match (self.at, *name) {
                (_, "embedding") => BAD,
                (Place::First, _) => 0,
                (Place::Last, _) => weight.rows - 1,
            };
            let at = weight.source.offset as usize / 4 + (row * weight.cols) as usize;
            values[at] = self.value;
        }
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        ModelFile::new(&bytes)
    }

    /// What the report says of the row that has the token.
    fn expected(&self, row: usize, position: u32, world_size: usize) -> NotFinite {
        // The root meets in the next sum what another rank has met in its own part of a layer.
        let is_another = self.at == Place::Last && world_size > 1 && self.op_layer.is_some();
        NotFinite {
            row,
            sequence: 1,
            position,
            layer: self.op_layer,
            op: if is_another { "allReduce" } else { self.op },
        }
    }
}

/// Of one sequence, with all logits.
fn rows(sequence: u32, first: u32, tokens: &[u32]) -> Vec<Row> {
    let rows = (first..).zip(tokens);
    rows.map(|(position, &token)| Row {
        sequence,
        want: Want::Full,
        ..row(token, position)
    })
    .collect()
}

fn run(root: &Root, class: RowClass, rows: &[Row]) -> Vec<RowResult> {
    results(root.forward(class, rows.to_vec()))
}

fn assert_in_step(root: &Root) {
    let digests = root.digests().expect("an engine that goes on");
    assert!(
        digests
            .windows(2)
            .all(|two| two[0].replicated == two[1].replicated)
    );
}

/// Two sequences in one forward, and the token in the second of them; then both go on.
fn check(fault: Fault, workers: &[Worker], wire: WireType, how: AllReduce, class: RowClass) {
    let file = fault.model();
    let plan = dllama_engine::Plan::always(how);
    let root = load_planned(&file, workers, (wire, fault.cache), 2, Some(plan));
    let root = root.expect("free workers");
    let what = format!(
        "{fault:?} on {} ranks, {wire:?}, {class:?}",
        workers.len() + 1
    );
    let first = rows(0, 0, &[1, 2]);
    let good = [&first[..], &rows(1, 0, &[3, 4, 5, 6])].concat();
    let bad = [&first[..], &rows(1, 0, &[3, BAD, 5, 6])].concat();
    let expected = run(&root, class, &good);
    let later = [&rows(0, 2, &[7])[..], &rows(1, 4, &[8, 0])].concat();
    let expected_later = run(&root, class, &later);

    let report = root
        .forward(class, bad.clone())
        .expect("the engine goes on");
    let failed_rows: Vec<usize> = report.failures.iter().map(|one| one.row).collect();
    let failed: &[usize] = if fault.spoils_cache { &[3, 4, 5] } else { &[3] };
    assert_eq!(failed_rows, failed, "{what}");
    assert_eq!(
        report.failures[0],
        fault.expected(3, 1, workers.len() + 1),
        "{what}"
    );
    for (got, expected) in report.rows.iter().zip(&expected[..3]) {
        assert_eq!(got.as_ref(), Some(expected), "{what}");
    }
    for &row in failed {
        assert_eq!(report.rows[row], None, "{what}");
        let refused = root.full_row(row as u32);
        assert!(matches!(refused, Err(Error::Forward { .. })), "{what}");
    }
    assert_in_step(&root);

    // It ends before the row on all ranks, and nothing is left of what came behind.
    let ahead = root.forward(class, rows(1, 2, &[5]));
    assert!(matches!(ahead, Err(Error::Row { .. })), "{what}");
    // In the places of one forward that the rows had, for the sake of `fast` rows.
    assert_eq!(run(&root, class, &good), expected, "{what}");
    assert_eq!(run(&root, class, &later), expected_later, "{what}");

    if class == RowClass::Exact {
        root.forward(class, bad).expect("the engine goes on");
        let again = run(&root, class, &rows(1, 1, &[4, 5, 6]));
        assert_eq!(again, expected[3..], "{what}");
        assert_eq!(run(&root, class, &later), expected_later, "{what}");
    }
    assert_in_step(&root);
}

fn workers(n: usize) -> Vec<Worker> {
    std::iter::repeat_with(worker).take(n).collect()
}

const CLASSES: [RowClass; 2] = [RowClass::Exact, RowClass::Fast];

#[test]
fn one_rank_loses_the_sequence_alone() {
    for fault in faults() {
        for class in CLASSES {
            check(fault, &[], WireType::F32, AllReduce::Direct, class);
        }
    }
}

#[test]
fn three_ranks_lose_the_sequence_alone() {
    let workers = workers(2);
    for fault in faults() {
        for (wire, how) in [
            (WireType::F32, AllReduce::Direct),
            (WireType::Q80, AllReduce::Direct),
            (WireType::Q80, AllReduce::Scattered),
        ] {
            for class in CLASSES {
                check(fault, &workers, wire, how, class);
            }
        }
    }
}

/// A prompt's chunk: nobody asks for anything, and what it has left would be met much later.
#[test]
fn rows_that_nobody_wants_are_found_out_in_their_own_forward() {
    let workers = workers(2);
    for fault in faults().into_iter().filter(|fault| fault.spoils_cache) {
        for workers in [&[], &workers[..]] {
            let types = (WireType::Q80, fault.cache);
            let root = load_planned(&fault.model(), workers, types, 1, None).expect("free workers");
            let unwanted = |tokens: &[u32]| {
                let rows = rows(1, 0, tokens).into_iter();
                rows.map(|row| Row {
                    want: Want::None,
                    ..row
                })
                .collect()
            };
            let report = root.forward(RowClass::Fast, unwanted(&[3, 4, BAD]));
            let report = report.expect("the engine goes on");
            assert_eq!(report.rows, []);
            let expected = fault.expected(2, 2, workers.len() + 1);
            assert_eq!(report.failures, [expected], "{fault:?}");
            let report = root.forward(RowClass::Fast, unwanted(&[3, 4, 5]));
            assert_eq!(report.expect("the engine goes on").failures, []);
            run(&root, RowClass::Exact, &rows(1, 3, &[6]));
        }
    }
}

/// The last sum of all: what it makes is in no cache, and no op behind it looks at it.
#[test]
fn the_last_sum_of_a_row_that_nobody_wants_is_looked_at() {
    let workers = workers(2);
    let program = tiny::alone();
    let down = program.weights.iter().rfind(|weight| weight.name == "down");
    let mut values = floats(tiny::N_FLOATS, 11);
    values[down.expect("a weight of that name").source.offset as usize / 4] = f32::NAN;
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let file = ModelFile::new(&bytes);
    for workers in [&[], &workers[..]] {
        for wire in [WireType::F32, WireType::Q80] {
            for want in [Want::None, Want::Candidates] {
                let types = (wire, CacheType::F16);
                let root = load_planned(&file, workers, types, 2, None).expect("free workers");
                let row = Row { want, ..row(1, 0) };
                for _ in 0..2 {
                    let report = root.forward(RowClass::Exact, vec![row]);
                    let failures = report.expect("the engine goes on").failures;
                    let [failure] = failures[..] else {
                        panic!("{failures:?}");
                    };
                    assert_eq!((failure.op, failure.layer), ("allReduce", Some(1)));
                    let words = "position 0: what allReduce in layer 1 gave is not a number";
                    assert!(failure.to_string().contains(words), "{failure}");
                }
            }
        }
    }
}

/// Sums that travel in ranges while the rest is multiplied: some rows of 256 are bad.
#[test]
fn a_row_of_an_overlapped_sum_ends_alone() {
    let workers = workers(2);
    let tokens: Vec<u32> = (0..wide::MAX_TOKENS)
        .map(|at| at * 7 % wide::VOCAB)
        .collect();
    let mut values = floats(wide::N_FLOATS, 3);
    values[(BAD * wide::DIM) as usize] = f32::INFINITY;
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let file = ModelFile::new(&bytes);
    for wire in [WireType::F32, WireType::Q80] {
        for how in [AllReduce::Direct, AllReduce::Scattered] {
            let root = load_wide(&file, &workers, wire, 2, dllama_engine::Plan::always(how));
            let run = |tokens: &[u32]| {
                let rows = (0..).zip(tokens).map(|(at, &token)| row(token, at));
                root.forward(RowClass::Exact, rows.collect())
                    .expect("the engine goes on")
            };
            let replaced = |&token: &u32| if token == BAD { BAD + 1 } else { token };
            let expected = run(&tokens.iter().map(replaced).collect::<Vec<_>>());
            assert_eq!(expected.failures, []);
            let report = run(&tokens);
            assert_in_step(&root);
            let bad = (0..tokens.len()).filter(|&row| tokens[row] == BAD);
            let failed = report.failures.iter().map(|failure| failure.row);
            assert!(failed.eq(bad));
            for (row, token) in tokens.iter().enumerate() {
                match *token {
                    BAD => assert_eq!(report.rows[row], None),
                    _ => assert_eq!(report.rows[row], expected.rows[row]),
                }
            }
        }
    }
}

/// The value is in the last range, and in the part of the last rank: all rows end.
#[test]
fn a_weight_in_the_last_range_ends_all_rows_and_not_the_engine() {
    let workers = workers(2);
    let program: Program = wide::program(2, 3, WireType::Q80);
    let mut values = floats(wide::N_FLOATS, 3);
    let down = &program.weights[3];
    let at = |row: u32| (down.source.offset / 4) as usize + (row * wide::HIDDEN) as usize;
    values[at(wide::DIM - 2) + down.source.first_col as usize] = f32::NAN;
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let file = ModelFile::new(&bytes);
    for how in [AllReduce::Direct, AllReduce::Scattered] {
        let plan = dllama_engine::Plan::always(how);
        let root = load_wide(&file, &workers, WireType::Q80, 2, plan);
        for want in [Want::None, Want::Candidates] {
            let rows = (0..wide::MAX_TOKENS).map(|at| Row { want, ..row(1, at) });
            let report = root.forward(RowClass::Fast, rows.collect());
            let report = report.expect("the engine goes on");
            assert_eq!(report.failures.len(), wide::MAX_TOKENS as usize);
            assert!(report.failures.iter().all(|one| one.op == "allReduce"));
            assert!(report.rows.iter().all(Option::is_none));
            assert_in_step(&root);
        }
    }
}
