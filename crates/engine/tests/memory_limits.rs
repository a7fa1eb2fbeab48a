//! Whatever a root asks for, a worker's memory stays within what its device lends. A program of its own, because it
//! counts all that its process allocates.

#[path = "all/support/mod.rs"]
#[allow(dead_code, reason = "it is that of all other tests")]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use dllama_engine::program::{
    Buffer, BufferRows, CacheType, Op, Product, Program, Rope, RopeStyle, Source, Step, Weight,
    WireType,
};
use dllama_engine::{
    FloatType, RankMemory, Root, RootOptions, Row, RowClass, Want, Worker, WorkerEvent,
    WorkerOptions, rank_memory,
};
use dllama_net::{ConnectOptions, connect};
use support::model::ModelFile;
use support::{row, tiny, trust};

/// Tags of the messages between root and worker, and a plan.
const PROGRAM: u8 = 1;
const PLAN: u8 = 9;
const DIRECT: &[u8] = br#"{"allReduce":{"scatteredFromBytes":null}}"#;

/// What the allocator has given and not got back, and the most of it since it was looked at.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

impl Counting {
    fn took(n_bytes: usize) {
        let now = NOW.fetch_add(n_bytes, Relaxed) + n_bytes;
        MOST.fetch_max(now, Relaxed);
    }
}

// SAFETY: all calls go to the system's allocator as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::took(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        NOW.fetch_sub(layout.size(), Relaxed);
        Self::took(new_size);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// The counts are of the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The memory that is this process's own, not a file's.
#[cfg(target_os = "linux")]
fn own_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.and_then(|kib| kib.parse::<usize>().ok())
        .expect("a figure")
        << 10
}

/// Beyond the Program's figure: the text and the lists of the Program itself, threads with what their kernels keep,
/// links. It is far below what each Program here takes of what it is about.
const SLACK: usize = 12 << 20;

/// In a process of its own: a worker that tells its memory for each line it is sent.
#[test]
#[cfg(target_os = "linux")]
fn a_worker_in_a_process_of_its_own() {
    let Ok(max_memory) = std::env::var("DLLAMA_TEST_WORKER") else {
        return;
    };
    let mut options = WorkerOptions::new("127.0.0.1:0", 2, trust());
    options.max_memory = max_memory.parse().ok();
    let worker = Worker::start(options, |_| {}).expect("a free port");
    println!("\nworker {}", worker.address());
    for line in std::io::stdin().lines() {
        line.expect("a line");
        let freed = MOST.load(Relaxed) - NOW.load(Relaxed);
        println!("\nworker {}", own_bytes() + freed);
        MOST.store(NOW.load(Relaxed), Relaxed);
    }
}

struct WorkerProcess {
    child: Child,
    ask: ChildStdin,
    tell: BufReader<ChildStdout>,
    address: String,
}

impl WorkerProcess {
    fn start(max_memory: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "a_worker_in_a_process_of_its_own", "--nocapture"])
            .env("DLLAMA_TEST_WORKER", max_memory.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let ask = child.stdin.take().expect("a pipe");
        let tell = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut process = Self {
            child,
            ask,
            tell,
            address: String::new(),
        };
        process.address = process.answer();
        process
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(
                self.tell.read_line(&mut line).expect("text") > 0,
                "it ended"
            );
            if let Some(answer) = line.strip_prefix("worker ") {
                return answer.trim().to_owned();
            }
        }
    }

    /// Bytes that it has, and the most it had on top of them.
    fn own_bytes(&mut self) -> usize {
        writeln!(self.ask).expect("a pipe");
        self.answer().parse().expect("a figure")
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn memory(program: &Program) -> RankMemory {
    rank_memory(&tiny::json(program)).expect("a valid program")
}

/// A product of few columns that is summed up in rows of `width`, for many rows at once.
fn wide_sum(rank: u32, wire: WireType, how_many: u32) -> Program {
    let width = 1 << 12;
    let mut program = tiny::program(rank, 2, wire, CacheType::F32);
    program.max_tokens = how_many;
    program.seq_len = how_many;
    let first = program.buffers.len() as u32;
    program
        .buffers
        .extend(["wide partial", "wide sum"].map(|name| Buffer {
            name: name.to_owned(),
            width,
            rows: BufferRows::All,
        }));
    program.weights.push(Weight {
        name: "wide".to_owned(),
        float_type: FloatType::F32,
        rows: width,
        cols: 4,
        source: Source {
            offset: 0,
            rows: width,
            cols: 4,
            first_row: 0,
            first_col: 0,
        },
    });
    program.buffers.push(Buffer {
        name: "narrow".to_owned(),
        width: 4,
        rows: BufferRows::All,
    });
    let products = vec![Product {
        weight: program.weights.len() as u32 - 1,
        out: first,
    }];
    let ops = [
        Op::MatMul {
            input: first + 2,
            products,
        },
        Op::AllReduce {
            input: first,
            into: first + 1,
        },
    ];
    let steps = ops.map(|op| Step { layer: None, op });
    program.steps.splice(1..1, steps);
    program
}

/// `n` ropes, whose frequencies differ or do not.
fn many_ropes(rank: u32, n: u32, differ: bool) -> Program {
    let mut program = tiny::program(rank, 2, WireType::F32, CacheType::F32);
    program.max_tokens = 512;
    program.seq_len = 512;
    let ropes = (0..n).map(|rope| Rope {
        style: RopeStyle::HalfSplit,
        frequencies: (0..512)
            .map(|pair| f64::from(pair + 1) / f64::from(if differ { rope + 1 } else { 1 }))
            .collect(),
    });
    program.ropes.extend(ropes);
    program
}

/// A forward of as many rows as the Program has, and a whole row of logits.
fn run(root: &Root, max_tokens: u32) {
    for class in [RowClass::Fast, RowClass::Exact] {
        let rows = (0..max_tokens).map(|position| Row {
            want: if position % 100 == 0 {
                Want::Full
            } else {
                Want::Candidates
            },
            ..row(position % tiny::VOCAB, position)
        });
        root.forward(class, rows.collect()).expect("valid rows");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_worker_takes_is_what_was_counted() {
    let _alone = alone();
    type Case = (&'static str, fn(u32) -> Program, fn(&RankMemory) -> u64);
    let cases: [Case; 4] = [
        (
            "sums in F32",
            |rank| wide_sum(rank, WireType::F32, 1024),
            |it| it.scratch_bytes,
        ),
        (
            "sums in Q80",
            |rank| wide_sum(rank, WireType::Q80, 2048),
            |it| it.scratch_bytes,
        ),
        (
            "turns",
            |rank| many_ropes(rank, 16, true),
            |it| it.turn_bytes,
        ),
        (
            "equal turns",
            |rank| many_ropes(rank, 200, false),
            |it| it.buffer_bytes,
        ),
    ];
    for (what, program, part) in cases {
        let programs = [0, 1].map(program);
        let memory = memory(&programs[1]);
        let total = memory.total_bytes() as usize;
        if what != "equal turns" {
            // So that a part that is not counted shows.
            assert!(part(&memory) as usize > 2 * SLACK, "{what}: {memory}");
        }
        // To the byte what its session may take.
        let mut worker = WorkerProcess::start(memory.total_bytes());
        let before = worker.own_bytes();
        let file = ModelFile::of_floats(tiny::N_FLOATS, 3);
        let options = RootOptions {
            model: file.path().to_owned(),
            programs: programs.iter().map(tiny::json).collect(),
            workers: vec![worker.address.clone()],
            trust: trust(),
            n_threads: 2,
            plan: None,
            cache_folder: None,
        };
        let root = Root::load(options, &|_| {}).unwrap_or_else(|error| panic!("{what}: {error}"));
        run(&root, programs[0].max_tokens);
        let taken = worker.own_bytes().saturating_sub(before);
        assert!(
            taken <= total + SLACK,
            "{what}: {taken} bytes of {total}, {memory}"
        );
        // The figure is no wild guess either.
        assert!(
            what == "equal turns" || taken + SLACK > total / 3,
            "{what}: {taken} of {total}"
        );
        drop(root);
    }
}

/// What a Program is greedy for, and how.
type Greed = (&'static str, fn(&mut Program));

const GREEDS: &[Greed] = &[
    ("weights", |p| {
        let rows = 1 << 22;
        let source = Source {
            offset: 0,
            rows,
            cols: 32,
            first_row: 0,
            first_col: 0,
        };
        let (name, float_type) = ("much".to_owned(), FloatType::F32);
        p.weights.push(Weight {
            name,
            float_type,
            rows,
            cols: 32,
            source,
        });
    }),
    ("KV cache", |p| p.seq_len = 1 << 20),
    ("sequences of a KV cache", |p| {
        (p.seq_len, p.n_sequences) = (1 << 14, 1 << 10)
    }),
    ("buffers", |p| {
        p.buffers.push(Buffer {
            width: 1 << 24,
            ..p.buffers[0].clone()
        })
    }),
    ("tokens of buffers", |p| p.max_tokens = 1 << 14),
    ("a list of buffers", |p| {
        p.max_tokens = 1 << 14;
        let buffer = Buffer {
            width: 1 << 24,
            ..p.buffers[0].clone()
        };
        p.buffers.extend(vec![buffer; 5000]);
    }),
    ("turns", |p| {
        p.max_tokens = 1 << 14;
        for rope in 0..400 {
            let frequencies = (0..500).map(|pair| f64::from(rope * 500 + pair)).collect();
            p.ropes.push(Rope {
                style: RopeStyle::HalfSplit,
                frequencies,
            });
        }
    }),
    ("parts of attention", |p| {
        (p.max_tokens, p.seq_len) = (1 << 14, 1 << 24)
    }),
    ("candidates", |p| {
        p.max_tokens = 1 << 14;
        p.vocab_size = 1 << 14;
        if let Some(Op::Candidates { vocab_split, k, .. }) =
            p.steps.last_mut().map(|step| &mut step.op)
        {
            (*vocab_split, *k) = (vec![(1 << 14) - 20, 20], 1 << 12);
        }
    }),
];

/// What reading a Program may take, on both sides together: `MAX_PROGRAM_VALUES` in the engine, and two texts.
const READING: usize = 24 << 20;

/// A worker that lends little, with the codes of its sessions' ends.
fn poor_worker() -> (Worker, mpsc::Receiver<&'static str>) {
    let mut options = WorkerOptions::new("127.0.0.1:0", 1, trust());
    options.max_memory = Some(16 << 20);
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let worker = Worker::start(options, move |event| {
        if let WorkerEvent::SessionFailed { code, .. } = event {
            // Nobody listens any more when a test has ended.
            let _ = tell.lock().map(|tell| tell.send(code));
        }
    });
    (worker.expect("a free port"), told)
}

/// How a worker refuses a Program: code and message. What both sides take for that is little.
fn refusal(
    (worker, told): &(Worker, mpsc::Receiver<&'static str>),
    program: &str,
) -> (String, String) {
    let options = ConnectOptions::new(vec![worker.address().to_string()], trust());
    let mesh = connect(options).expect("a free worker");
    mesh.send_control(1, PLAN, DIRECT).expect("a worker");
    mesh.begin_run();
    MOST.store(NOW.load(Relaxed), Relaxed);
    let before = NOW.load(Relaxed);
    // A worker that does not even read it may have ended the session by now.
    let sent = mesh.send_control(1, PROGRAM, program.as_bytes());
    let error = sent
        .and_then(|()| mesh.receive_control(1, 256))
        .expect_err("a refusal");
    let ended = told.recv_timeout(Duration::from_secs(20)).expect("an end");
    let most = MOST.load(Relaxed) - before;
    assert!(most < READING, "{most} bytes for {}", &program[..80]);
    match error {
        dllama_net::Error::PeerFailed { code, message, .. } => {
            assert_eq!(code, ended);
            (code, message)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn each_kind_of_greed_is_refused_with_its_figure() {
    let _alone = alone();
    let worker = poor_worker();
    for (what, greed) in GREEDS {
        let mut program = tiny::program(1, 2, WireType::F32, CacheType::F32);
        greed(&mut program);
        let text = tiny::json(&program);
        let memory = rank_memory(&text).unwrap_or_else(|error| panic!("{what}: {error}"));
        let (code, message) = refusal(&worker, &text);
        assert_eq!(code, "OUT_OF_MEMORY", "{what}");
        let needed = memory.total_bytes().div_ceil(1 << 20);
        let words = format!("{memory} take {needed} MiB, and this device lends 16 MiB");
        assert!(message.contains(&words), "{what}: {message}");
    }
}

#[test]
fn long_lists_are_refused_before_they_are_read() {
    let _alone = alone();
    let worker = poor_worker();
    let program = tiny::json(&tiny::program(1, 2, WireType::F32, CacheType::F32));
    let zeros = |n: usize| vec!["0"; n].join(",");
    let most = 1 << 18;
    let lists = [
        ("\"vocabSplit\":[", zeros(most - 2000)),
        ("\"vocabSplit\":[", zeros(most)),
        ("\"frequencies\":[", zeros(most - 2000)),
        ("\"frequencies\":[", zeros(2 * most)),
        (
            "\"buffers\":[",
            vec!["{\"name\":\"\",\"width\":0,\"rows\":\"all\"}"; most / 8].join(","),
        ),
        (
            "\"ropes\":[",
            vec!["{\"style\":\"interleaved\",\"frequencies\":[]}"; most / 8].join(","),
        ),
        ("\"steps\":[", vec!["[[[[]]]]"; most / 16].join(",")),
        ("\"name\":\"", "x".repeat((4 << 20) - program.len() - 1)),
        ("\"name\":\"", "\\u0001".repeat(600_000)),
        ("{", format!("\"{}\":1,", "x".repeat(4_000_000))),
    ];
    for (place, list) in lists {
        let comma = if place.ends_with('[') { "," } else { "" };
        let text = program.replacen(place, &format!("{place}{list}{comma}"), 1);
        let (code, message) = refusal(&worker, &text);
        assert_eq!(code, "PROGRAM_INVALID", "{place}: {message}");
        assert!(message.len() < 1000, "{} bytes for {place}", message.len());
    }
}
