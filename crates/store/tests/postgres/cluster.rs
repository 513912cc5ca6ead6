//! The private cluster: created, adopted, killed, restarted, stopped.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use penstock_model::{PointNo, Quality, Sample, TenantId, Timestamp};
use penstock_store::{Batch, Cluster, ClusterEvent, ClusterSettings, Durability, Error, Stopped, Store, Writer};
use penstock_testkit::database::ScratchFolder;
use tokio::sync::oneshot;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);

fn settings(folder: &ScratchFolder) -> ClusterSettings {
    ClusterSettings::new(folder.path())
}

fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("signalled");
}

#[tokio::test]
async fn what_a_killed_station_left_is_adopted_and_data_outlives_a_stop() {
    let folder = ScratchFolder::new().expect("folder");
    let cluster = Cluster::start(settings(&folder)).await.expect("started");
    let pid = cluster.pid().expect("alive");
    let store = Store::open(&cluster.options()).await.expect("opened");
    store.ensure_tenant(TenantId(Uuid::nil()), "Town", "UTC").await.expect("kept");
    store.close().await;
    // A station that is killed stops nothing.
    drop(cluster);
    // One of a version that let others in.
    let let_in = folder.path().join("data/pg_ident.conf");
    let known = std::fs::read_to_string(&let_in).expect("written");
    assert!(known.contains("\"root\" penstock_reader"), "{known}");
    std::fs::write(&let_in, "").expect("written");

    let mut adopted = Cluster::start(settings(&folder)).await.expect("adopted");
    assert_eq!(adopted.pid(), Some(pid));
    assert_eq!(std::fs::read_to_string(&let_in).expect("written"), known);
    assert_eq!(adopted.stop(PATIENCE).await.expect("stopped"), Stopped::Cleanly);
    assert!(!adopted.is_alive());
    assert_eq!(adopted.stop(PATIENCE).await.expect("stopped"), Stopped::NotRunning);

    let mut again = Cluster::start(settings(&folder)).await.expect("started");
    assert_ne!(again.pid(), Some(pid));
    let store = Store::open(&again.options()).await.expect("opened");
    assert_eq!(store.load_plant(TenantId(Uuid::nil())).await.expect("plant").name, "Town");
    store.close().await;
    assert_eq!(again.stop(PATIENCE).await.expect("stopped"), Stopped::Cleanly);
}

/// Applies batch after batch as the station does: a transient failure is tried again, a stored batch is forgotten.
async fn write_all(store: Store, batches: u64, progress: tokio::sync::watch::Sender<u64>) -> u64 {
    let mut writer = None;
    let mut retries = 0;
    for seq in 1..=batches {
        let start = Timestamp::from_secs(1_795_000_000 + 100 * seq as i64);
        let samples = (0..1_000)
            .map(|i: i32| Sample {
                point: PointNo(i % 10),
                source_time: start + Duration::from_millis(10 * i.unsigned_abs() as u64),
                received_time: start,
                value: Some(seq as f64),
                quality: Quality::Good,
            })
            .collect();
        let batch = Batch { samples, ..Batch::new(TenantId(Uuid::nil())) };
        loop {
            let applied = match &mut writer {
                None => Writer::open(&store).await.map(|opened| writer = Some(opened)).map(|()| None),
                Some(writer) => writer.apply(&batch, seq).await.map(Some),
            };
            match applied {
                Ok(None) => {}
                Ok(Some(_)) => break,
                Err(error) => {
                    assert!(error.is_transient(), "{error:?}");
                    retries += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
        progress.send_replace(seq);
    }
    retries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_killed_while_writing_comes_back_and_neither_loses_nor_doubles() {
    const BATCHES: u64 = 90;
    let folder = ScratchFolder::new().expect("folder");
    let mut cluster = Cluster::start(settings(&folder)).await.expect("started");
    let options = cluster.options();
    let store = Store::open(&options).await.expect("opened");
    let (progress, mut reached) = tokio::sync::watch::channel(0);
    let writing = tokio::spawn(write_all(store, BATCHES, progress));
    let (stop, stopped) = oneshot::channel::<()>();
    let (event, mut events) = tokio::sync::mpsc::channel(64);
    let data = cluster.data();
    let watching = tokio::spawn(async move {
        let on_event = |happened: ClusterEvent| event.try_send(format!("{happened:?}")).expect("room");
        cluster.watch(async { drop(stopped.await) }, on_event).await;
        cluster
    });
    for after in [20, 45, 70] {
        reached.wait_for(|seq| *seq >= after).await.expect("writing");
        let pid_file = std::fs::read_to_string(data.join("postmaster.pid")).expect("running");
        signal(pid_file.lines().next().expect("pid").parse().expect("pid"), Signal::SIGKILL);
        assert_eq!(events.recv().await.as_deref(), Some("Died"));
        while events.recv().await.expect("watching") != "Restarted" {}
    }
    let retries = writing.await.expect("written");
    assert!(retries > 0, "the kills were not noticed");
    stop.send(()).expect("watching");
    let mut cluster = watching.await.expect("watched");

    let store = Store::open(&options).await.expect("opened");
    let (rows, keys): (i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where quality = 0 and value = \
         floor((extract(epoch from source_time) - 1795000000) / 100)) from samples",
    )
    .fetch_one(store.pool())
    .await
    .expect("counted");
    assert_eq!((rows, keys), (BATCHES as i64 * 1_000, BATCHES as i64 * 1_000));
    assert_eq!(store.figures().await.expect("figures").watermark, BATCHES);
    store.close().await;
    assert_eq!(cluster.stop(PATIENCE).await.expect("stopped"), Stopped::Cleanly);
}

#[tokio::test]
async fn remains_of_interrupted_starts_do_no_harm() {
    let folder = ScratchFolder::new().expect("folder");
    std::fs::create_dir(folder.path().join("data.partial")).expect("made");
    std::fs::write(folder.path().join("data.partial/PG_VERSION"), "15").expect("written");
    let scratch = || ClusterSettings { durability: Durability::Scratch, ..settings(&folder) };
    let mut cluster = Cluster::start(scratch()).await.expect("started");
    cluster.stop(PATIENCE).await.expect("stopped");
    // After a crash of the machine, the number in the file may be anybody's: here it is this test's.
    let remains = format!("{}\n{}\n1\n5432\n/nowhere\n\n0 0\nready   \n", std::process::id(), cluster.data().display());
    std::fs::write(cluster.data().join("postmaster.pid"), remains).expect("written");
    let mut again = Cluster::start(scratch()).await.expect("started");
    assert_ne!(again.pid(), i32::try_from(std::process::id()).ok());
    again.stop(PATIENCE).await.expect("stopped");
}

#[tokio::test]
async fn a_deep_folder_gets_its_socket_elsewhere() {
    let folder = ScratchFolder::new().expect("folder");
    let deep = folder.path().join("a-folder-with-quite-a-long-name-".repeat(4)).join("x");
    std::fs::create_dir_all(deep.parent().expect("parent")).expect("made");
    let scratch = ClusterSettings { durability: Durability::Scratch, ..ClusterSettings::new(&deep) };
    let mut cluster = Cluster::start(scratch).await.expect("started");
    let socket = cluster.options().get_socket().cloned().expect("a socket");
    assert!(socket.as_os_str().len() < 85, "{}", socket.display());
    cluster.stop(PATIENCE).await.expect("stopped");
    std::fs::remove_dir_all(socket).expect("removed");
}

#[tokio::test]
async fn a_server_that_will_not_go_is_ended_and_recovers() {
    let folder = ScratchFolder::new().expect("folder");
    let mut cluster = Cluster::start(settings(&folder)).await.expect("started");
    let store = Store::open(&cluster.options()).await.expect("opened");
    store.ensure_tenant(TenantId(Uuid::nil()), "Town", "UTC").await.expect("kept");
    let checkpointer: i32 = sqlx::query_scalar("select pid from pg_stat_activity where backend_type = 'checkpointer'")
        .fetch_one(store.pool())
        .await
        .expect("found");
    store.close().await;
    // The last checkpoint never comes.
    signal(checkpointer, Signal::SIGSTOP);
    assert_eq!(cluster.stop(Duration::from_millis(300)).await.expect("ended"), Stopped::Immediately);
    cluster.restart().await.expect("recovered");
    let store = Store::open(&cluster.options()).await.expect("opened");
    assert_eq!(store.load_plant(TenantId(Uuid::nil())).await.expect("plant").name, "Town");
    store.close().await;
    cluster.stop(PATIENCE).await.expect("stopped");
}

#[tokio::test]
async fn a_folder_out_of_reach_is_named_with_the_cure() {
    let folder = ScratchFolder::new().expect("folder");
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).expect("made");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).expect("closed");
    let started = Cluster::start(ClusterSettings::new(closed.join("postgres"))).await;
    if geteuid().is_root() {
        let Err(error) = started else { panic!("{} is within reach", closed.display()) };
        assert!(
            matches!(&error, Error::Unreachable { folder, .. } if *folder == closed.canonicalize().expect("there"))
        );
        assert!(error.to_string().contains("chmod o+x"), "{error}");
    } else {
        started.expect("one's own folder is within reach").stop(PATIENCE).await.expect("stopped");
    }
}

#[tokio::test]
async fn missing_programs_are_named_with_the_command_that_installs_them() {
    let folder = ScratchFolder::new().expect("folder");
    let nowhere = ClusterSettings { programs: Some("/nowhere".into()), ..settings(&folder) };
    let error = Cluster::start(nowhere).await.expect_err("nothing there");
    assert!(error.to_string().contains("apt install postgresql"), "{error}");
    std::fs::create_dir(folder.path().join("data")).expect("made");
    std::fs::write(folder.path().join("data/PG_VERSION"), "9\n").expect("written");
    let error = Cluster::start(settings(&folder)).await.expect_err("too old");
    assert!(error.to_string().contains("apt install postgresql-9"), "{error}");
}
