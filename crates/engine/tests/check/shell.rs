//! Block volumes through a real shell: all that is `gluster-block` runs on this machine, by a stand-in that answers as its source
//! prints (version 0.5); everything else runs on simulated nodes. What is typed, quoted and read back is as it is in front of the real one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _};
use mortar_argv::{Batch, Command, Guard, Report};
use mortar_engine::{Engine, Kind, OperationState, Outcome, Parts, SystemClock, SystemEntropy};
use mortar_executor::{Hosts, LocalHosts, SimHosts};
use mortar_model::{BlockVolume, BlockVolumeId, ByteSize, Durability, OperationId, VolumeName};
use mortar_plan::{CreateBlock, CreateVolume};

use crate::bed::{Bed, LIMIT, quiet};

/// Keeps each block volume in a file of its folder: size, hosts, and whether there is a password. A file `away` stands for a host that does
/// not answer.
const STAND_IN: &str = r#"#!/bin/sh
state=$(dirname "$0")
printf '%s\n' "$*" >>"$state/argv"
fail() { printf '{ "RESULT": "FAIL", "errCode": %s, "errMsg": "%s" }\n' "$1" "$2"; exit "$1"; }
array() { printf '[ "%s" ]' "$(printf %s "$1" | sed 's/,/", "/g')"; }
for last; do :; done
[ "$last" = --json ] || { echo "Usage: gluster-block <command> <volname[/blockname]> [<args>] [--json*]" >&2; exit 1; }
name=${2#*/}
block=$state/block.$name
id=5b6d9ae0-0000-4000-8000-$(printf %s "$name" | cksum | cut -d' ' -f1 | sed 's/^/000000000000/; s/.*\(............\)$/\1/')
if [ "$1" = list ]; then
    names=$(cd "$state" && ls -d block.* 2>/dev/null | sed 's/^block\.//' | paste -sd, -)
    [ -n "$names" ] && names=$(array "$names") || names='[ ]'
    printf '{ "blocks": %s, "RESULT": "SUCCESS" }\n' "$names"
    exit 0
fi
if [ "$1" = create ]; then
    [ -e "$block" ] && fail 17 "BLOCK with name: '$name' already EXIST\\n"
elif [ ! -e "$block" ]; then
    fail 2 "block $2 doesn't exist"
fi
if [ "$1" != info ] && [ -e "$state/away" ]; then
    fail 255 "Version check failed [host n3 returned -107] (Hint: See if all servers are up and running gluster-blockd daemon)"
fi
[ "$1" = create ] || { read -r size hosts password; } <"$block"
case $1 in
create)
    shift 2
    [ "$1 $3 $5" = 'ha auth prealloc' ] || fail 255 "unknown option"
    password=
    [ "$4" = enable ] && password=3f3c1a1e-0000-4000-8000-secretsecret
    printf '%s %s %s\n' "${8%GiB}" "$7" "$password" >"$block"
    printf '{ "IQN": "iqn.2016-12.org.gluster-block:%s", ' "$id"
    [ -n "$password" ] && printf '"USERNAME": "%s", "PASSWORD": "%s", ' "$id" "$password"
    printf '"PORTAL(S)": %s, "RESULT": "SUCCESS" }\n' "$(array "$7")"
    ;;
modify)
    new=${4%GiB}
    [ "$new" = "$size" ] && fail 255 "request size ($size.0 GiB) is same as current size ($size.0 GiB) ]"
    printf '%s %s %s\n' "$new" "$hosts" "$password" >"$block"
    printf '{ "IQN": "iqn.2016-12.org.gluster-block:%s", "SIZE": "%s.0 GiB", "SUCCESSFUL ON": %s, "RESULT": "SUCCESS" }\n' "$id" "$new" "$(array "$hosts")"
    ;;
info)
    ha=$(printf %s "$hosts" | tr , '\n' | grep -c .)
    printf '{ "NAME": "%s", "VOLUME": "%s", "GBID": "%s", "SIZE": "%s.0 GiB", "HA": %s, "IOTIMEOUT": "43 Seconds", "PASSWORD": "%s", "EXPORTED ON": %s }\n' \
        "$name" "${2%/*}" "$id" "$size" "$ha" "$password" "$(array "$hosts")"
    ;;
delete)
    rm "$block"
    printf '{ "SUCCESSFUL ON": %s, "RESULT": "SUCCESS" }\n' "$(array "$hosts")"
    ;;
*) fail 255 "unknown command" ;;
esac
"#;

/// Simulated nodes, whose `gluster-block` is the program in this folder, run by a shell of this machine.
struct Mixed {
    sim: SimHosts,
    local: LocalHosts,
    program: PathBuf,
}

fn is_block(command: &Command) -> bool {
    command.program() == "gluster-block"
}

impl Mixed {
    fn here(&self, command: &Command) -> Command {
        Command::new(self.program.to_str().unwrap()).args(command.arguments().iter().cloned())
    }
}

impl Hosts for Mixed {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        async move {
            if !batch.items().iter().any(|item| is_block(&item.command)) {
                return self.sim.run(host, batch).await;
            }
            let mut here = Batch::new();
            for item in batch.items() {
                assert!(is_block(&item.command) && item.guard == Guard::Always, "{item:?}");
                here = here.item(Guard::Always, self.here(&item.command), item.on_failure);
            }
            self.local.run(host, &here).await
        }
        .boxed()
    }
}

/// A pool with a volume for block volumes, and an engine that reaches it so.
async fn engine(folder: &Path) -> Engine {
    use std::os::unix::fs::PermissionsExt as _;
    let program = folder.join("gluster-block");
    std::fs::write(&program, STAND_IN).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let bed = Bed::quiet().await;
    let cluster = bed
        .engine
        .view(|landscape| landscape.inventory().clusters().next().unwrap().id);
    bed.engine.set_cluster_flags(cluster, true, true).await.unwrap();
    let mut request = CreateVolume::new(ByteSize::from_gib(8), Durability::Replicate(3));
    request.name = Some(VolumeName::new("hosting").unwrap());
    request.block = true;
    bed.done(bed.engine.create_volume(request).await.unwrap()).await;
    bed.engine.reconcile().await;
    let Bed { hosts, store, engine } = bed;
    drop(engine);
    let mixed = Mixed {
        sim: hosts,
        local: LocalHosts::new(),
        program,
    };
    let parts = Parts {
        store: store as Arc<dyn mortar_store::Store>,
        hosts: Arc::new(mixed),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::open().unwrap()),
    };
    let engine = Engine::open(parts, quiet()).unwrap();
    engine.start();
    engine
}

async fn outcome(engine: &Engine, operation: OperationId) -> Result<(), String> {
    match engine.wait(operation, LIMIT).await {
        Some(OperationState::Ended(ended)) => match ended.outcome {
            Outcome::Done { .. } => Ok(()),
            Outcome::Failed { reason } => Err(reason),
        },
        other => panic!("{other:?}"),
    }
}

fn wanted(name: &str) -> CreateBlock {
    CreateBlock {
        name: Some(VolumeName::new(name).unwrap()),
        size: ByteSize::from_gib(2),
        clusters: Vec::new(),
        ha: 2,
        auth: true,
    }
}

fn block(engine: &Engine, id: Option<BlockVolumeId>) -> Option<BlockVolume> {
    engine.view(|landscape| {
        let mut blocks = landscape.inventory().blocks();
        blocks.find(|block| id.is_none_or(|id| block.id == id)).cloned()
    })
}

/// What was typed since the last time.
fn typed(folder: &Path) -> Vec<String> {
    let file = folder.join("argv");
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let _ = std::fs::remove_file(file);
    text.lines().map(str::to_owned).collect()
}

async fn kinds(engine: &Engine) -> Vec<Kind> {
    engine
        .check()
        .await
        .findings
        .iter()
        .map(|finding| finding.kind)
        .collect()
}

#[tokio::test]
async fn a_block_volume_is_made_enlarged_seen_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let engine = engine(folder).await;
    outcome(&engine, engine.create_block(wanted("disk")).await.unwrap())
        .await
        .unwrap();
    let made = block(&engine, None).unwrap();
    let hosts: Vec<String> = made.hosts.iter().map(ToString::to_string).collect();
    assert_eq!(
        typed(folder),
        [
            "info hosting/disk --json".to_owned(),
            format!(
                "create hosting/disk ha 2 auth enable prealloc full {} 2GiB --json",
                hosts.join(",")
            ),
        ]
    );
    assert_eq!(
        made.target.iqn,
        format!("iqn.2016-12.org.gluster-block:{}", made.target.username)
    );
    assert_eq!(
        made.target.password.reveal(),
        "3f3c1a1e-0000-4000-8000-secretsecret"
    );
    assert_eq!(kinds(&engine).await, []);
    assert_eq!(typed(folder), ["list hosting --json", "info hosting/disk --json"]);

    let grown = engine.expand_block(made.id, ByteSize::from_gib(3)).await.unwrap();
    outcome(&engine, grown).await.unwrap();
    assert_eq!(typed(folder), ["modify hosting/disk size 3GiB --json"]);
    assert_eq!(block(&engine, Some(made.id)).unwrap().size, ByteSize::from_gib(3));
    assert_eq!(kinds(&engine).await, []);
    typed(folder);

    outcome(&engine, engine.delete_block(made.id).await.unwrap())
        .await
        .unwrap();
    assert_eq!(typed(folder), ["delete hosting/disk --json"]);
    assert_eq!(block(&engine, None), None);
    assert_eq!(kinds(&engine).await, []);
    assert_eq!(typed(folder), ["list hosting --json"]);
}

/// What gluster-block refuses is told in its words, and leaves nothing.
#[tokio::test]
async fn refusals_are_told_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let engine = engine(folder).await;
    std::fs::write(folder.join("block.taken"), "1 n1,n2 \n").unwrap();
    let why = outcome(&engine, engine.create_block(wanted("taken")).await.unwrap())
        .await
        .unwrap_err();
    assert!(why.contains("hosting/taken that Mortar did not make"), "{why}");
    assert_eq!(
        std::fs::read_to_string(folder.join("block.taken")).unwrap(),
        "1 n1,n2 \n"
    );

    std::fs::write(folder.join("away"), "").unwrap();
    let why = outcome(&engine, engine.create_block(wanted("disk")).await.unwrap())
        .await
        .unwrap_err();
    assert!(why.contains("host n3 returned -107"), "{why}");
    assert_eq!(block(&engine, None), None);
    assert!(!folder.join("block.disk").exists());
    // What somebody made by hand is found, and told of with what gluster-block says.
    assert_eq!(kinds(&engine).await, [Kind::BlockUnknown]);
}
