//! Slice transfer, byte for byte, from a real file over small sockets.

use std::fs::File;
use std::io::{IoSliceMut, Read, Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;

use crate::support::faulty_peer::quick;
use crate::support::{KINDS, Links, bytes, on_all_ranks};
use dllama_net::{Error, LinkOptions, Slice};

const N_ROWS: usize = 3000;
const ROW_BYTES: usize = 700;
/// The tensor does not begin where the file does.
const TENSOR_OFFSET: usize = 33;

/// A file whose bytes are also in memory, where a mapping would be.
struct TensorFile {
    path: PathBuf,
    file: File,
    bytes: Vec<u8>,
}

impl TensorFile {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dllama-net-{}-{name}", std::process::id()));
        let bytes = bytes(5, TENSOR_OFFSET + N_ROWS * ROW_BYTES + 10);
        let mut options = File::options();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .expect("a file");
        file.write_all(&bytes).expect("written");
        Self { path, file, bytes }
    }
}

impl Drop for TensorFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// First row, rows, first byte of a row, bytes of a row.
type Rectangle = (usize, usize, usize, usize);

/// Whole rows (contiguous), parts of rows (strided, more than one call takes), and edges.
const RECTANGLES: [Rectangle; 7] = [
    (0, N_ROWS, 0, ROW_BYTES),
    (1000, 1500, 0, ROW_BYTES),
    (0, N_ROWS, 100, 300),
    (7, 2000, 699, 1),
    (2999, 1, 5, 600),
    (17, 0, 0, ROW_BYTES),
    (5, 3, 4, 0),
];

fn slice(source: &TensorFile, (row, n_rows, column, row_bytes): Rectangle) -> Slice<'_> {
    let offset = TENSOR_OFFSET + row * ROW_BYTES + column;
    Slice::new(
        &source.file,
        &source.bytes,
        offset as u64,
        n_rows,
        ROW_BYTES as u64,
        row_bytes,
    )
}

fn expected(source: &TensorFile, (row, n_rows, column, row_bytes): Rectangle) -> Vec<u8> {
    let rows = row..row + n_rows;
    let start = |row| TENSOR_OFFSET + row * ROW_BYTES + column;
    rows.flat_map(|row| source.bytes[start(row)..start(row) + row_bytes].to_vec())
        .collect()
}

#[test]
fn slices_arrive_byte_for_byte() {
    for kind in KINDS {
        let source = Arc::new(TensorFile::new(&format!("slices-{kind:?}")));
        let options = LinkOptions {
            socket_buffer_bytes: Some(8 << 10),
            ..LinkOptions::default()
        };
        on_all_ranks(kind.meshes(3, &options), move |mesh| {
            if mesh.rank() == 0 {
                // To both workers at the same time, as at load.
                std::thread::scope(|scope| {
                    for to in 1..3 {
                        let (mesh, source) = (&mesh, &source);
                        scope.spawn(move || {
                            for rectangle in RECTANGLES {
                                for _ in 0..2 {
                                    mesh.send_slice(to, &slice(source, rectangle))
                                        .expect("sent");
                                }
                            }
                        });
                    }
                });
                return;
            }
            for rectangle in RECTANGLES {
                let expected = expected(&source, rectangle);
                let mut got = vec![0; expected.len()];
                // At once, and a few bytes here and there: more pieces than one call takes.
                for piece_bytes in [got.len(), 7] {
                    let pieces = got.chunks_mut(piece_bytes.max(1)).map(IoSliceMut::new);
                    mesh.receive_slice(0, pieces.collect()).expect("received");
                    assert!(got == expected, "{rectangle:?}");
                    got.fill(0);
                }
            }
        });
    }
}

/// Where the system can send files, contiguous bytes come from the file and not from the mapping:
/// here the two differ.
#[test]
#[cfg(target_os = "linux")]
fn contiguous_slices_are_sent_by_the_kernel_from_the_file() {
    for kind in KINDS {
        let mut source = TensorFile::new(&format!("sendfile-{kind:?}"));
        source.bytes.fill(0);
        on_all_ranks(kind.meshes(2, &LinkOptions::default()), move |mesh| {
            let whole = RECTANGLES[0];
            if mesh.rank() == 0 {
                mesh.send_slice(1, &slice(&source, whole)).expect("sent");
                return;
            }
            let mut got = vec![0; N_ROWS * ROW_BYTES];
            let whole = vec![IoSliceMut::new(&mut got)];
            mesh.receive_slice(0, whole).expect("received");
            let mut file = File::open(&source.path).expect("the file");
            let mut in_file = Vec::new();
            file.seek(std::io::SeekFrom::Start(TENSOR_OFFSET as u64))
                .expect("sought");
            file.read_to_end(&mut in_file).expect("read");
            assert!(got == in_file[..got.len()]);
        });
    }
}

/// What is wrong with this rank's file is no peer's fault. Its mapping ends where the file does now.
#[test]
#[cfg(target_os = "linux")]
fn a_file_that_becomes_shorter_is_the_senders_own_failure() {
    for (name, rectangle) in [("whole", RECTANGLES[0]), ("strided", RECTANGLES[2])] {
        for kind in [Links::Tcp, Links::SealedInMemory] {
            let source = TensorFile::new(&format!("shorter-{name}-{kind:?}"));
            // SAFETY: nothing reads the mapping but the kernel, to which a page that is gone is an error.
            let map = unsafe { memmap2::Mmap::map(&source.file) }.expect("mapped");
            source.file.set_len(4096).expect("cut");
            let errors = on_all_ranks(kind.meshes(3, &quick()), move |mesh| {
                mesh.begin_run();
                let error = match mesh.rank() {
                    0 => {
                        let (row, n_rows, column, row_bytes) = rectangle;
                        let offset = (TENSOR_OFFSET + row * ROW_BYTES + column) as u64;
                        let stride = ROW_BYTES as u64;
                        let slice =
                            Slice::new(&source.file, &map, offset, n_rows, stride, row_bytes);
                        mesh.send_slice(1, &slice).expect_err("a shorter file")
                    }
                    1 => {
                        let mut got = vec![0; N_ROWS * rectangle.3];
                        let whole = vec![IoSliceMut::new(&mut got)];
                        mesh.receive_slice(0, whole).expect_err("cut off")
                    }
                    _ => mesh.receive_control(0, 10).expect_err("the reason"),
                };
                mesh.fail(error.code(), &error.to_string());
                error
            });
            assert!(matches!(errors[0], Error::File { .. }), "{}", errors[0]);
            // Whoever is told blames the file; whoever sees the connection end, the rank.
            for error in &errors[1..] {
                let is_told = matches!(error, Error::PeerFailed { rank: 0, code, .. } if code == "FILE_UNREADABLE");
                let sees = matches!(error, Error::PeerLost { rank: 0, .. });
                assert!(is_told || sees, "{error}");
            }
        }
    }
}

#[test]
#[should_panic = "past the file"]
fn a_slice_past_the_file_is_refused() {
    let source = TensorFile::new("past");
    let n_rows = source.bytes.len() / ROW_BYTES + 1;
    slice(&source, (0, n_rows, 0, ROW_BYTES));
}

#[test]
#[should_panic = "overlap"]
fn rows_that_overlap_are_refused() {
    let source = TensorFile::new("overlap");
    slice(&source, (0, 2, 0, ROW_BYTES + 1));
}
