//! The program under Heketi's name: its command line, its configuration file, its database at first start.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mortar_heketi::db;

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../heketi/tests/databases")
        .join(name)
}

struct Bed {
    folder: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_mortar"), folder.path().join("heketi")).unwrap();
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn heketi(&self) -> Command {
        let mut command = Command::new(self.at("heketi"));
        command
            .env_clear()
            .stdin(Stdio::null())
            .current_dir(self.folder.path());
        command
    }

    fn output(&self, words: &[&str]) -> (i32, String, String) {
        let output = self.heketi().args(words).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    fn mortar(&self, words: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_mortar"))
            .env_clear()
            .current_dir(self.folder.path())
            .args(words)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    fn serve(&self, config: &str) -> Server {
        std::fs::write(self.at("heketi.json"), config).unwrap();
        let address_file = self.at("address");
        let _ = std::fs::remove_file(&address_file);
        let child = self
            .heketi()
            .args(["--config=heketi.json", "--disable-auth"])
            .env("MORTAR_ADDRESS_FILE", &address_file)
            .stderr(std::fs::File::create(self.at("log")).unwrap())
            .spawn()
            .unwrap();
        let mut server = Server { child, port: 0 };
        let began = Instant::now();
        while !address_file.exists() {
            assert!(server.child.try_wait().unwrap().is_none(), "{}", self.log());
            assert!(began.elapsed() < Duration::from_secs(30), "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        let address = std::fs::read_to_string(address_file).unwrap();
        server.port = address.trim().rsplit_once(':').unwrap().1.parse().unwrap();
        server
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.at("log")).unwrap()
    }
}

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const CONFIG: &str = r#"{"_comment": "x", "port": "0", "use_auth": true,
  "jwt": {"admin": {"key": "a"}, "user": {"key": "b"}},
  "glusterfs": {"executor": "mock", "db": "heketi.db", "loglevel": "info", "refresh_time_monitor_gluster_nodes": 120}}"#;

#[test]
fn its_database_is_taken_over_at_the_first_start_and_left_as_it_is() {
    let bed = Bed::new();
    let original = std::fs::read(kept("version-6.db")).unwrap();
    std::fs::write(bed.at("heketi.db"), &original).unwrap();
    let wanted = db::read(&original).unwrap();
    for life in ["first", "second"] {
        let server = bed.serve(CONFIG);
        let volumes = server.get("/volumes");
        for id in wanted.volumes.keys() {
            assert!(volumes.contains(id), "{life}: {volumes}");
        }
        let (id, entry) = wanted.bricks.iter().next().unwrap();
        let device = server.get(&format!("/devices/{}", entry.info.device));
        assert!(
            device.contains(id) && device.contains(&entry.info.path),
            "{device}"
        );
        let log = bed.log();
        assert_eq!(
            log.contains("is taken over, and left as it is"),
            life == "first",
            "{log}"
        );
        assert!(
            log.contains("nodes are watched at an interval of Mortar's own") && log.contains("use_auth"),
            "{log}"
        );
        assert_eq!(std::fs::read(bed.at("heketi.db")).unwrap(), original);
    }
}

/// What does not add up is told by the first start, and can be asked for later.
#[test]
fn a_server_starts_on_a_faulty_database_and_says_what_is_wrong() {
    let bed = Bed::new();
    std::fs::copy(kept("faulty.db"), bed.at("heketi.db")).unwrap();
    let server = bed.serve(CONFIG);
    let log = bed.log();
    for part in [
        "(vol_wide): taken over with a fault: its brick",
        "Heketi's own check says of its database: ",
    ] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
    let volumes = server.get("/volumes");
    assert!(volumes.matches('"').count() > 4, "{volumes}");
    let url = format!("http://127.0.0.1:{}", server.port);
    let (code, told, _) = bed.mortar(&["--server", &url, "check", "--takeover"]);
    assert_eq!(code, 0, "{told}");
    for part in [
        "Left out:",
        "Taken over with faults:",
        "(vol_wide): its brick",
        "What Heketi's own check said of its database:",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let (_, told, _) = bed.mortar(&["--server", &url, "check"]);
    assert!(told.contains("'mortar check --takeover'"), "{told}");
}

/// Heketi locks its file for as long as it runs.
#[test]
fn a_database_that_heketi_has_open_is_not_taken_over() {
    let bed = Bed::new();
    std::fs::copy(kept("version-6.db"), bed.at("heketi.db")).unwrap();
    std::fs::write(bed.at("heketi.json"), CONFIG).unwrap();
    let heketi = std::fs::File::options()
        .write(true)
        .open(bed.at("heketi.db"))
        .unwrap();
    heketi.lock().unwrap();
    for words in [
        &["--config=heketi.json", "--disable-auth"][..],
        &["db", "export", "--jsonfile", "-", "--dbfile", "heketi.db"],
    ] {
        let (code, _, told) = bed.output(words);
        assert!(code == 6 && told.contains("stop Heketi first"), "{code}: {told}");
    }
    let (code, _, told) = bed.mortar(&["import", "heketi.db", "--store", "mortar.redb"]);
    assert!(
        code == 6 && told.contains("a Heketi server runs on it"),
        "{code}: {told}"
    );
    assert!(!bed.at("mortar.redb").exists());
    heketi.unlock().unwrap();
    drop(bed.serve(CONFIG));
    // Nor is a store used that was made before.
    heketi.lock().unwrap();
    let (code, _, told) = bed.output(&["--config=heketi.json", "--disable-auth"]);
    assert!(code == 6 && told.contains("stop Heketi first"), "{code}: {told}");
}

#[test]
fn nothing_is_taken_over_before_the_port_is_there() {
    let bed = Bed::new();
    std::fs::copy(kept("version-6.db"), bed.at("heketi.db")).unwrap();
    let other = std::net::TcpListener::bind("[::]:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    std::fs::write(
        bed.at("heketi.json"),
        CONFIG.replace(r#""port": "0""#, &format!(r#""port": "{port}""#)),
    )
    .unwrap();
    let (code, _, told) = bed.output(&["--config=heketi.json", "--disable-auth"]);
    assert!(code != 0 && told.contains("cannot listen"), "{told}");
    assert!(!bed.at("mortar.redb").exists());
}

/// Then a Heketi server has run on it, and what it did is not in the records.
#[test]
fn a_database_that_changed_since_is_named_at_each_start() {
    let bed = Bed::new();
    std::fs::copy(kept("version-6.db"), bed.at("heketi.db")).unwrap();
    let changed = "has changed since it was taken over";
    for expected in [false, false, true, true] {
        if expected {
            std::fs::copy(kept("large.db"), bed.at("heketi.db")).unwrap();
        }
        drop(bed.serve(CONFIG));
        assert_eq!(bed.log().contains(changed), expected, "{}", bed.log());
    }
}

/// Its second meta page counts then. It is no store of Mortar's, and never written.
#[test]
fn a_database_with_a_damaged_first_page_is_still_one() {
    let bed = Bed::new();
    let mut bytes = std::fs::read(kept("version-6.db")).unwrap();
    bytes[..1024].fill(0);
    std::fs::write(bed.at("heketi.db"), &bytes).unwrap();
    let database = db::read(&bytes).unwrap();
    let volumes = bed.serve(CONFIG).get("/volumes");
    assert!(
        database.volumes.keys().all(|id| volumes.contains(id)),
        "{volumes}"
    );
    assert!(bed.at("mortar.redb").exists());
    assert_eq!(std::fs::read(bed.at("heketi.db")).unwrap(), bytes);
}

#[test]
fn strict_zones_of_the_configuration_hold_for_what_is_taken_over() {
    let bed = Bed::new();
    std::fs::copy(kept("version-6.db"), bed.at("heketi.db")).unwrap();
    drop(bed.serve(&CONFIG.replace(r#""executor""#, r#""zone_checking": "strict", "executor""#)));
    let (code, records, told) = bed.mortar(&["db", "export", "--store", "mortar.redb", "-"]);
    assert_eq!(code, 0, "{told}");
    assert!(records.contains("\"zone_checking\":\"strict\""), "{records}");
    let (code, _, told) = bed.mortar(&[
        "import",
        "heketi.db",
        "--store",
        "other.redb",
        "--zone-checking",
        "strict",
    ]);
    assert_eq!(code, 0, "{told}");
    let (_, records, _) = bed.mortar(&["db", "export", "--store", "other.redb", "-"]);
    assert!(records.contains("\"zone_checking\":\"strict\""), "{records}");
}

/// As Heketi does: on all addresses there are.
#[test]
fn it_listens_on_ipv6_and_on_ipv4() {
    let bed = Bed::new();
    let server = bed.serve(CONFIG);
    assert!(server.get("/hello").contains("200 OK"));
    let six = std::net::TcpListener::bind("[::1]:0").is_ok();
    assert_eq!(TcpStream::connect(("::1", server.port)).is_ok(), six);
}

#[test]
fn a_damaged_database_keeps_it_from_starting_and_makes_no_store() {
    let bed = Bed::new();
    let mut bytes = std::fs::read(kept("version-6.db")).unwrap();
    bytes.truncate(20_000);
    std::fs::write(bed.at("heketi.db"), &bytes).unwrap();
    std::fs::write(bed.at("heketi.json"), CONFIG).unwrap();
    let (code, _, told) = bed.output(&["--config=heketi.json", "--disable-auth"]);
    assert_eq!(code, 2, "{told}");
    assert!(
        told.contains("it is cut short")
            && told.contains("page 19 is not whole")
            && told.contains("nothing was changed"),
        "{told}"
    );
    assert!(!bed.at("mortar.redb").exists());
    assert_eq!(std::fs::read(bed.at("heketi.db")).unwrap(), bytes);
}

#[test]
fn what_it_cannot_do_is_named_at_the_start() {
    let bed = Bed::new();
    for (config, part) in [
        (
            r#"{"glusterfs":{"executor":"inject/ssh"}}"#,
            "glusterfs.executor is \"inject/ssh\"",
        ),
        (
            r#"{"glusterfs":{"executor":"kubernetes"},"jwt":{"admin":{"key":"a"},"user":{"key":"u"}}}"#,
            "this is no pod",
        ),
        (
            r#"{"enable_tls":true,"cert_file":"no.crt","key_file":"no.key","glusterfs":{"executor":"mock"},
                "jwt":{"admin":{"key":"a"},"user":{"key":"u"}}}"#,
            "no.crt: No such file",
        ),
        (r#"{"default_state":"closed"}"#, "default_state is \"closed\""),
        ("{", "it is no JSON object"),
    ] {
        std::fs::write(bed.at("heketi.json"), config).unwrap();
        let (code, _, told) = bed.output(&["--config", "heketi.json"]);
        assert_eq!(code, 2, "{told}");
        assert!(told.contains(part), "{told}");
    }
    let (code, _, told) = bed.output(&[]);
    assert!(code == 2 && told.contains("--config"), "{told}");
}

#[test]
fn its_tools_work_on_its_files_and_on_ours() {
    let bed = Bed::new();
    let path = |name: &str| kept(name).to_string_lossy().into_owned();
    let (code, json, _) = bed.output(&[
        "db",
        "export",
        "--jsonfile",
        "-",
        "--dbfile",
        &path("version-10.db"),
    ]);
    assert_eq!(
        (code, json),
        (0, std::fs::read_to_string(kept("version-10.json")).unwrap())
    );
    let (code, checked, _) = bed.output(&["db", "consistency-check", "--dbfile", &path("faulty.db")]);
    assert!(
        code == 0 && checked.contains("\"totalinconsistencies\": ") && checked.contains("unknown brick"),
        "{checked}"
    );
    // There and back: a store of Mortar's in between.
    let (code, _, told) = bed.output(&[
        "db",
        "import",
        "--jsonfile",
        &path("version-10.json"),
        "--dbfile",
        "new.db",
    ]);
    assert_eq!(code, 0, "{told}");
    let (code, _, told) = bed.output(&[
        "db",
        "import",
        "--jsonfile",
        &path("version-10.json"),
        "--dbfile",
        "new.db",
    ]);
    assert_eq!(code, 6, "nothing is written over: {told}");
    let (code, json, _) = bed.output(&["db", "export", "--jsonfile", "-", "--dbfile", "new.db"]);
    assert_eq!(
        (code, json),
        (0, std::fs::read_to_string(kept("version-10.json")).unwrap())
    );
    let server = bed.serve(&CONFIG.replace("heketi.db", "new.db"));
    assert!(server.get("/volumes").matches('"').count() > 14);
    let (code, _, told) = bed.output(&["db", "export", "--jsonfile", "-", "--dbfile", "new.db"]);
    assert!(
        code == 6 && told.contains("stop the other mortar server"),
        "{told}"
    );
    for words in [
        &["offline", "cleanup-operations"][..],
        &["offline", "update-dbvol"],
        &["version"],
        &["--version"],
        &["db", "delete-bricks-with-empty-path", "--all"],
    ] {
        let (code, told, _) = bed.output(words);
        assert!(code == 0 && !told.is_empty(), "{words:?}: {told}");
    }
}

#[test]
fn an_import_shows_what_it_would_do_and_names_what_does_not_add_up() {
    let bed = Bed::new();
    let mortar = |words: &[&str]| bed.mortar(words);
    let file = kept("faulty.db").to_string_lossy().into_owned();
    let (code, told, _) = mortar(&["import", &file, "--dry-run"]);
    assert!(
        code == 0 && told.starts_with("Would take over 1 clusters, 6 nodes"),
        "{told}"
    );
    for part in [
        "Left out:",
        "Taken over with faults:",
        "To know:",
        "What Heketi's own check says of it:",
        "(vol_wide): taken over with a fault: its brick",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let (code, _, told) = mortar(&["import", &file]);
    assert!(code == 2 && told.contains("--store"), "{told}");
    let (code, told, _) = mortar(&["import", &file, "--store", "s.redb", "--json"]);
    assert!(code == 0 && told.contains("\"weight\":\"left_out\""), "{told}");
    let (code, _, told) = mortar(&["db", "verify", "s.redb"]);
    assert_eq!(code, 0, "{told}");
    let (code, told, _) = mortar(&["db", "export", "--heketi", "--store", "s.redb", "home.json"]);
    assert!(code == 0 && told.contains("for Heketi"), "{told}");
    assert!(db::read(&std::fs::read(bed.at("home.json")).unwrap()).is_ok());
    let (code, _, told) = mortar(&["import", &file, "--store", "s.redb"]);
    assert_eq!(code, 6, "{told}");
}
