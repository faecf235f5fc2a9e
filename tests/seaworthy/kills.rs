use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::world::{Snapshot, World, snapshot};

/// How often each scene is played, each time with a kill at another moment.
const TIMES: u32 = 40;

#[test]
fn a_new_target_is_absent_or_whole_after_a_kill() {
    let whole = Scene { prepare: |_| {}, arguments: "new deep/demo --yes" };
    let complete = whole.complete();
    whole.play(|world, moment| {
        let target = world.path("deep/demo");
        if target.exists() {
            assert!(snapshot(&target) == complete, "{moment}: the target is not whole");
        }
        assert_eq!(world.run("new deep/demo --yes").code, 0, "{moment}");
        assert!(snapshot(&target) == complete, "{moment}: the next run does not complete it");
        nothing_is_beside(&world.path("deep"));
    });
}

#[test]
fn an_existing_target_is_as_it_was_or_whole_after_a_kill() {
    let prepare = |world: &World| {
        world.write("deep/demo/README.md", "mine\n");
        world.write("deep/demo/deploy/base/notes.txt", "mine\n");
        world.write("deep/demo/Makefile", "mine:\n");
    };
    let scene = Scene { prepare, arguments: "new deep/demo --yes --force" };
    let complete = scene.complete();
    let (mut undone, mut done) = (0, 0);
    scene.play(|world, moment| {
        let before = World::new();
        prepare(&before);
        let before = snapshot(&before.path("deep/demo"));
        // without `--force` it puts back, and refuses what is in the way
        let code = world.run("new deep/demo --yes").code;
        let after = snapshot(&world.path("deep/demo"));
        match code {
            0 => assert!(after == complete, "{moment}: it is not whole"),
            2 => assert!(after == before, "{moment}: it is not as it was"),
            code => panic!("{moment}: exit code {code}"),
        }
        *(if code == 0 { &mut done } else { &mut undone }) += 1;
        nothing_is_beside(&world.path("deep"));
    });
    assert!(undone > 0, "no kill came in time: {done} runs were done");
}

struct Scene {
    prepare: fn(&World),
    arguments: &'static str,
}

impl Scene {
    /// The target that an undisturbed run makes.
    fn complete(&self) -> Snapshot {
        let world = World::new();
        (self.prepare)(&world);
        assert_eq!(world.run(self.arguments).code, 0);
        snapshot(&world.path("deep/demo"))
    }

    /// Kills the run at moments spread over its time, and twice as densely over that of its
    /// writing; every third time the run that cleans up is killed as well.
    fn play(&self, mut look: impl FnMut(&World, &str)) {
        let whole = self.time(|_| {});
        let writing = self.time(await_staging);
        for turn in 0..TIMES {
            let world = World::new();
            (self.prepare)(&world);
            // multiples of the golden ratio fill an interval evenly, however many there are
            let share = (f64::from(turn) * 0.618_034).fract();
            for kill in 0..=u32::from(turn % 3 == 0) {
                let mut child = self.start(&world);
                if turn % 2 == kill {
                    sleep(whole.mul_f64(share));
                } else {
                    await_staging(&world);
                    sleep(writing.mul_f64(share));
                }
                child.kill().expect("SIGKILL");
                child.wait().expect("a child to wait for");
            }
            look(&world, &format!("kill {turn}"));
        }
    }

    fn start(&self, world: &World) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
        command.args(self.arguments.split_whitespace()).current_dir(world.path("")).env_clear();
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts")
    }

    /// How long an undisturbed run takes from the moment on that `from` waits for.
    fn time(&self, from: fn(&World)) -> Duration {
        let world = World::new();
        (self.prepare)(&world);
        let start = Instant::now();
        let mut child = self.start(&world);
        from(&world);
        let waited = start.elapsed();
        child.wait().expect("a child to wait for");
        start.elapsed() - waited
    }
}

/// Waits until a run has begun to write, for as long as that may take.
fn await_staging(world: &World) {
    let start = Instant::now();
    let staging = ["deep/.seaworthy-staging-demo", "deep/demo/.seaworthy-staging"];
    while !staging.iter().any(|path| world.path(path).exists()) && start.elapsed() < LONG {}
}

const LONG: Duration = Duration::from_millis(500);

fn nothing_is_beside(folder: &Path) {
    let names: Vec<String> =
        snapshot(folder).into_keys().filter(|path| path.contains(".seaworthy-staging")).collect();
    assert_eq!(names, [""; 0], "litter");
}
