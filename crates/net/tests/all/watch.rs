//! Another thread can see whom a rank waits for.

use std::time::{Duration, Instant};

use dllama_net::{AllReduce, F32Codec, Mesh, Watch};

/// Until somebody is waited for, for as long as a slow machine may take.
fn first_wait(watch: &Watch) -> Vec<usize> {
    let give_up = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(waiting) = watch.waiting() {
            return waiting.peers.iter().map(|peer| peer.rank).collect();
        }
        assert!(Instant::now() < give_up, "nobody is waited for");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn sum(mesh: &Mesh) {
    mesh.begin_run();
    let mut acc = [0.0; 4];
    mesh.all_reduce(AllReduce::Direct, &F32Codec, &[1.0; 4], &mut acc)
        .expect("three ranks");
    mesh.end_run();
    assert_eq!(acc, [3.0; 4]);
}

#[test]
fn the_late_rank_is_named_and_nobody_else() {
    let meshes = Mesh::in_memory(3).expect("sockets");
    let [root, early, late] = <[Mesh; 3]>::try_from(meshes).ok().expect("three ranks");
    let watch = root.watch();
    assert_eq!(watch.waiting(), None, "no run");
    std::thread::scope(|scope| {
        scope.spawn(|| sum(&early));
        scope.spawn(|| sum(&root));
        // The early rank's part may come a moment after the first look.
        let give_up = Instant::now() + Duration::from_secs(30);
        while first_wait(&watch) != [2] {
            assert!(
                Instant::now() < give_up,
                "the early rank is waited for, too"
            );
        }
        let waiting = watch.waiting().expect("the late rank has sent nothing");
        let [late_one] = &waiting.peers[..] else {
            panic!("{:?}", waiting.peers);
        };
        assert_eq!((late_one.rank, &late_one.address[..]), (2, "memory:2"));
        assert!(!waiting.time.is_zero());
        sum(&late);
    });
    assert_eq!(watch.waiting(), None, "the run is over");
    drop(root);
    assert_eq!(watch.waiting(), None, "the mesh is gone");
}
